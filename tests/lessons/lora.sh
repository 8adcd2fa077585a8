# lora: low-rank adapters in the place of the model: they learn less and forget less.
# shellcheck shell=bash disable=SC2154,SC2034 # names that run gives and takes
runs() {
    run lora
    plain full
}
gain() { calc "$(base "$1" domain) - $(loss "$1" domain)"; }
rise() { calc "$(loss "$1" general) - $(base "$1" general)"; }
figures() {
    figure "nats gained on the domain, LoRA" "$(gain lora)" 0.2 0.45
    figure "nats lost in general, LoRA" "$(rise lora)" 0.1 0.3
    figure "share of what the whole model gains" "$(calc "$(gain lora) / $(gain full)")" 0.35 0.65
    figure "share of what the whole model forgets" "$(calc "$(rise lora) / $(rise full)")" 0.3 0.65
}

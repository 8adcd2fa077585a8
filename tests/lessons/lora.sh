# lora: low-rank adapters in the place of the model: they learn less and forget less.
# shellcheck shell=bash disable=SC2154,SC2034 # names that run gives and takes
runs() {
    run lora
    plain full
}
figures() {
    for run in lora full; do
        figure "nats gained on the domain, $run" "$(calc "$(base $run domain) - $(loss $run domain)")" 0.1 0.9
        figure "nats lost in general, $run" "$(calc "$(loss $run general) - $(base $run general)")" 0 0.8
    done
    figure "what LoRA gains, share of full" "$(calc "($(base lora domain) - $(loss lora domain)) / ($(base full domain) - $(loss full domain))")" 0.2 0.95
    figure "what LoRA loses, share of full" "$(calc "($(loss lora general) - $(base lora general)) / ($(loss full general) - $(base full general))")" 0 0.8
}

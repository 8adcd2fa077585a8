#!/usr/bin/env python3
"""peer_lora.py - a training step of adapters in PyTorch, beside `thaw bench --family gpt2 --lora RANK`: a GPT-2 whose
own weights are frozen, adapters on c_attn as PEFT puts them there, AdamW, clipping. Prints milliseconds a
step: their median, their least.

    OMP_WAIT_POLICY=passive peer_lora.py LAYERS HEADS WIDTH VOCAB BATCH BLOCK RANK STEPS THREADS
"""
import math
import statistics
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F

layers, heads, width, vocab, batch, block, rank, steps, threads = map(int, sys.argv[1:])
torch.set_num_threads(threads)
torch.manual_seed(1)


class Lora(nn.Module):
    def __init__(self, base):
        super().__init__()
        self.base = base
        self.a = nn.Linear(base.in_features, rank, bias=False)
        self.b = nn.Linear(rank, base.out_features, bias=False)
        nn.init.zeros_(self.b.weight)

    def forward(self, x):
        return self.base(x) + self.b(self.a(x)) * (16 / rank)


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.n1, self.n2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.proj = Lora(nn.Linear(width, 3 * width)), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x):
        q, k, v = (s.view(batch, block, heads, -1).transpose(1, 2) for s in self.qkv(self.n1(x)).split(width, 2))
        scores = (q @ k.transpose(2, 3) / math.sqrt(width // heads)).masked_fill(mask, -math.inf)
        x = x + self.proj((scores.softmax(3) @ v).transpose(1, 2).reshape(batch, block, width))
        return x + self.down(F.gelu(self.up(self.n2(x))))


mask = torch.ones(block, block, dtype=torch.bool).triu(1)
embed, positions = nn.Embedding(vocab, width), nn.Embedding(block, width)
model = nn.Sequential(*(Block() for _ in range(layers)), nn.LayerNorm(width))
thin = [p for m in model.modules() if isinstance(m, Lora) for p in (m.a.weight, m.b.weight)]
for p in [*model.parameters(), *embed.parameters(), *positions.parameters()]:
    p.requires_grad_(any(p is t for t in thin))
optimizer = torch.optim.AdamW(thin, lr=1e-3, weight_decay=0.1)
times = []
for _ in range(steps):
    ids = torch.randint(vocab, (batch, block + 1))
    start = time.perf_counter()
    h = model(embed(ids[:, :-1]) + positions.weight)
    loss = F.cross_entropy((h @ embed.weight.T).view(-1, vocab), ids[:, 1:].reshape(-1))
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    nn.utils.clip_grad_norm_(thin, 1.0)
    optimizer.step()
    times.append(1000 * (time.perf_counter() - start))
print(round(statistics.median(times[2:]), 2), round(min(times[2:]), 2))

"""Short programs as people write them, run once with each library: the same lines, the same numbers."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import autograd_core

torch = pytest.importorskip("torch")


def numbers(*shape: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed + sum(shape)).normal(size=shape)


def classes(count: int, size: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, count, size)


def start(torch: Any, model: Any, seed: int = 0, scale: float = 0.3) -> Any:
    """The same weights in both libraries, in the order of ``parameters()``."""
    stream = np.random.default_rng(seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(torch.tensor(stream.normal(size=tuple(parameter.shape)) * scale))
    return model


def convolutional_classifier(torch: Any) -> Iterator[Any]:
    nn, F = torch.nn, torch.nn.functional

    class Net(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv1 = nn.Conv2d(3, 4, 5)
            self.bn = nn.BatchNorm2d(4)
            self.pool = nn.MaxPool2d(2, 2)
            self.conv2 = nn.Conv2d(4, 8, 3, padding=1, bias=False)
            self.fc1 = nn.Linear(8 * 3 * 3, 16)
            self.fc2 = nn.Linear(16, 5)

        def forward(self, x: Any) -> Any:
            x = self.pool(F.relu(self.bn(self.conv1(x))))
            x = F.avg_pool2d(F.relu(self.conv2(x)), 2)
            x = x.view(x.size(0), -1)
            return self.fc2(F.relu(self.fc1(x)))

    device = torch.device("cuda:0" if False else "cpu")
    net = start(torch, Net()).to(device)
    data = torch.utils.data.TensorDataset(torch.tensor(numbers(12, 3, 16, 16)), torch.tensor(classes(5, 12)))
    loader = torch.utils.data.DataLoader(data, batch_size=4, shuffle=False, num_workers=0, drop_last=True)
    criterion = nn.CrossEntropyLoss(label_smoothing=0.1)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9, nesterov=True)
    for _ in range(2):
        running = 0.0
        for inputs, labels in loader:
            inputs, labels = inputs.to(device), labels.to(device)
            optimizer.zero_grad()
            loss = criterion(net(inputs), labels)
            loss.backward()
            optimizer.step()
            running += loss.item() * inputs.size(0)
        yield running / len(loader.dataset)
    net.eval()
    correct = total = 0
    with torch.no_grad():
        for images, labels in loader:
            outputs = net(images)
            _, predicted = torch.max(outputs.data, 1)
            total += labels.size(0)
            correct += (predicted == labels).sum().item()
            yield outputs, predicted, F.softmax(outputs, dim=1)
    yield 100 * correct / total
    yield list(net.state_dict().values())


def variational_autoencoder(torch: Any) -> Iterator[Any]:
    nn, F = torch.nn, torch.nn.functional

    class VAE(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.encoder = nn.Sequential(nn.Linear(20, 12), nn.ReLU(inplace=True))
            self.mean, self.spread = nn.Linear(12, 3), nn.Linear(12, 3)
            self.decoder = nn.Sequential(nn.Linear(3, 12), nn.Tanh(), nn.Linear(12, 20), nn.Sigmoid())

        def forward(self, x: Any, noise: Any) -> Any:
            h = self.encoder(x)
            mu, logvar = self.mean(h), self.spread(h)
            return self.decoder(mu + noise * torch.exp(0.5 * logvar)), mu, logvar

    model = start(torch, VAE())
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2, weight_decay=1e-5)
    x = torch.sigmoid(torch.tensor(numbers(8, 4, 5))).view(-1, 20)
    for step in range(5):
        optimizer.zero_grad(set_to_none=True)
        rebuilt, mu, logvar = model(x, torch.tensor(numbers(8, 3, seed=step)))
        bce = F.binary_cross_entropy(rebuilt, x, reduction="sum")
        kld = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
        (bce + kld).backward()
        optimizer.step()
        yield bce, kld
    yield list(model.parameters())


def language_model(torch: Any) -> Iterator[Any]:
    nn, F = torch.nn, torch.nn.functional

    class Block(nn.Module):
        def __init__(self, width: int, heads: int) -> None:
            super().__init__()
            self.ln1, self.ln2 = nn.LayerNorm(width), nn.LayerNorm(width)
            self.attn = nn.MultiheadAttention(width, heads, batch_first=True)
            self.mlp = nn.Sequential(nn.Linear(width, 2 * width), nn.GELU(), nn.Linear(2 * width, width), nn.Dropout(0.0))

        def forward(self, x: Any, mask: Any) -> Any:
            y = self.ln1(x)
            y, self.weights = self.attn(y, y, y, attn_mask=mask)
            x = x + y
            return x + self.mlp(self.ln2(x))

    class Model(nn.Module):
        def __init__(self, words: int, width: int = 8, length: int = 10) -> None:
            super().__init__()
            self.tokens = nn.Embedding(words, width)
            position = torch.arange(length).unsqueeze(1)
            frequency = torch.exp(torch.arange(0, width, 2) * (-math.log(10000.0) / width))
            table = torch.zeros(length, width)
            table[:, 0::2] = torch.sin(position * frequency)
            table[:, 1::2] = torch.cos(position * frequency)
            self.register_buffer("table", table)
            self.blocks = nn.ModuleList([Block(width, 2) for _ in range(2)])
            self.head = nn.Linear(width, words, bias=False)

        def forward(self, index: Any, targets: Any = None) -> Any:
            length = index.shape[1]
            x = self.tokens(index) + self.table[:length]
            mask = torch.triu(torch.full((length, length), float("-inf")), diagonal=1)
            for block in self.blocks:
                x = block(x, mask)
            logits = self.head(x)
            loss = None if targets is None else F.cross_entropy(logits.view(-1, logits.size(-1)), targets.view(-1), ignore_index=-1)
            return logits, loss

        @torch.no_grad()
        def generate(self, index: Any, steps: int, k: int) -> Any:
            for _ in range(steps):
                logits = self(index)[0][:, -1, :] / 0.8
                best, _ = torch.topk(logits, k)
                logits[logits < best[:, [-1]]] = -float("Inf")
                index = torch.cat((index, F.softmax(logits, dim=-1).argmax(-1, keepdim=True)), dim=1)
            return index

    model = start(torch, Model(7))
    decayed = {name for name, p in model.named_parameters() if p.dim() >= 2}
    groups = [
        {"params": [p for name, p in model.named_parameters() if name in decayed], "weight_decay": 0.1},
        {"params": [p for name, p in model.named_parameters() if name not in decayed], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=1e-2, betas=(0.9, 0.95))
    index = torch.tensor(classes(7, 18).reshape(3, 6))
    targets = torch.roll(index, -1, dims=1)
    targets[:, -1] = -1
    for _ in range(4):
        _, loss = model(index, targets)
        optimizer.zero_grad()
        loss.backward()
        yield loss, nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    yield model.generate(index[:, :3], 4, k=3), model.blocks[0].weights, list(model.parameters())


def adversaries(torch: Any) -> Iterator[Any]:
    nn = torch.nn

    def block(inputs: int, outputs: int, normalise: bool = True) -> list[Any]:
        layers = [nn.Linear(inputs, outputs, bias=not normalise)]
        if normalise:
            layers.append(nn.BatchNorm1d(outputs, 0.8))
        return [*layers, nn.LeakyReLU(0.2, inplace=True)]

    def penalty(critic: Any, real: Any, fake: Any, alpha: Any) -> Any:
        between = (alpha * real + (1 - alpha) * fake).requires_grad_(True)
        score = critic(between)
        gradient = torch.autograd.grad(outputs=score, inputs=between, grad_outputs=torch.ones_like(score), create_graph=True, retain_graph=True, only_inputs=True)[0]
        return ((gradient.view(gradient.size(0), -1).norm(2, dim=1) - 1) ** 2).mean()

    maker = start(torch, nn.Sequential(*block(4, 8, normalise=False), *block(8, 8), nn.Linear(8, 6), nn.Tanh()))
    critic = start(torch, nn.Sequential(nn.Linear(6, 8), nn.LeakyReLU(0.2), nn.LayerNorm(8), nn.Linear(8, 1)), seed=1)
    making = torch.optim.Adam(maker.parameters(), lr=2e-3, betas=(0.5, 0.999))
    judging = torch.optim.RMSprop(critic.parameters(), lr=5e-3)
    for step in range(4):
        real, noise = torch.tensor(numbers(10, 6, seed=step)), torch.tensor(numbers(10, 4, seed=step))
        alpha = torch.tensor(np.random.default_rng(step).random((10, 1))).expand_as(real)
        fake = maker(noise)
        judging.zero_grad()
        loss = critic(fake.detach()).mean() - critic(real).mean() + 10 * penalty(critic, real, fake.detach(), alpha)
        loss.backward()
        judging.step()
        for p in critic.parameters():
            p.data.clamp_(-0.4, 0.4)
        making.zero_grad()
        answer = -critic(fake).mean()
        answer.backward()
        making.step()
        yield loss, answer
    yield list(maker.parameters()), list(critic.parameters()), list(maker.buffers())


def learning_to_learn(torch: Any) -> Iterator[Any]:
    F = torch.nn.functional

    def net(x: Any, w: Any) -> Any:
        return F.linear(F.relu(F.linear(x, w[0], w[1])), w[2], w[3])

    weights = [torch.tensor(numbers(*s) * 0.3, requires_grad=True) for s in [(10, 1), (10,), (1, 10), (1,)]]
    optimizer = torch.optim.Adam(weights, lr=1e-2)
    x = torch.linspace(-2, 2, 10).unsqueeze(1)
    for _ in range(3):
        meta = 0.0
        for amplitude in (1.0, 2.0):
            fast = weights
            for _ in range(2):
                gradients = torch.autograd.grad(F.mse_loss(net(x, fast), amplitude * torch.sin(x)), fast, create_graph=True)
                fast = [w - 0.05 * g for w, g in zip(fast, gradients, strict=True)]
            meta = meta + F.mse_loss(net(x + 0.1, fast), amplitude * torch.sin(x + 0.1))
        optimizer.zero_grad()
        meta.backward()
        optimizer.step()
        yield meta, weights
    loss = F.mse_loss(net(x, weights), torch.cos(x))
    flat = torch.cat([g.reshape(-1) for g in torch.autograd.grad(loss, weights, create_graph=True)])
    direction = torch.tensor(numbers(flat.numel()))
    yield torch.autograd.grad(flat @ direction, weights, retain_graph=True)
    yield torch.stack([torch.autograd.grad(flat[i], weights[0], retain_graph=True)[0] for i in range(4)])


def physics_informed_net(torch: Any) -> Iterator[Any]:
    nn = torch.nn
    model = start(torch, nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 8), nn.SiLU(), nn.Linear(8, 1)))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    x = torch.tensor(numbers(12, 1), requires_grad=True)
    t = torch.tensor(numbers(12, 1, seed=5), requires_grad=True)
    for _ in range(4):
        u = model(torch.cat([x, t], dim=1))
        ut = torch.autograd.grad(u, t, torch.ones_like(u), create_graph=True)[0]
        ux = torch.autograd.grad(u.sum(), x, create_graph=True)[0]
        uxx = torch.autograd.grad(ux, x, grad_outputs=torch.ones_like(ux), create_graph=True)[0]
        loss = torch.mean((ut - 0.1 * uxx) ** 2) + torch.mean((model(torch.tensor([[0.0, 0.0]])) - 1) ** 2)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        yield loss, uxx
    yield list(model.parameters())


def policy_gradients(torch: Any) -> Iterator[Any]:
    nn, F = torch.nn, torch.nn.functional

    class Policy(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.shared, self.action, self.value = nn.Linear(4, 16), nn.Linear(16, 2), nn.Linear(16, 1)

        def forward(self, x: Any) -> Any:
            x = F.relu(self.shared(x))
            return F.softmax(self.action(x), dim=-1), self.value(x)

    policy = start(torch, Policy())
    optimizer = torch.optim.Adam(policy.parameters(), lr=3e-2)
    stream = np.random.default_rng(0)
    log_probabilities, values, returns, following = [], [], [], 0.0
    for _ in range(8):
        probabilities, value = policy(torch.from_numpy(stream.normal(size=4)).unsqueeze(0))
        log_probabilities.append(torch.log(probabilities.squeeze(0)[int(stream.integers(0, 2))]))
        values.append(value)
    for reward in stream.random(8)[::-1]:
        following = float(reward) + 0.99 * following
        returns.insert(0, following)
    returns = torch.tensor(returns)
    returns = (returns - returns.mean()) / (returns.std() + 1e-8)
    losses = [-log_p * (r - v.item()) + F.smooth_l1_loss(v.squeeze(), r) for log_p, v, r in zip(log_probabilities, values, returns, strict=True)]
    optimizer.zero_grad()
    torch.stack(losses).sum().backward()
    optimizer.step()
    yield losses
    observed, taken, advantage = torch.tensor(numbers(16, 4)), torch.tensor(classes(2, 16)), torch.tensor(numbers(16))
    for _ in range(3):
        probabilities, value = policy(observed)
        ratio = (torch.log(probabilities).gather(1, taken.unsqueeze(1)).squeeze(1) + 0.69).exp()
        clipped = torch.clamp(ratio, 1 - 0.2, 1 + 0.2) * advantage
        entropy = -(probabilities * probabilities.log()).sum(-1).mean()
        loss = -torch.min(ratio * advantage, clipped).mean() + 0.5 * (value.squeeze(-1) - advantage).pow(2).mean() - 0.01 * entropy
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(policy.parameters(), 0.5)
        optimizer.step()
        yield loss
    yield list(policy.parameters())


def contrastive_losses(torch: Any) -> Iterator[Any]:
    F = torch.nn.functional
    a, b = (torch.tensor(numbers(6, 5, seed=s), requires_grad=True) for s in (0, 1))
    z = F.normalize(torch.cat([a, b]), dim=1)
    similarity = (torch.mm(z, z.t()) / 0.5).masked_fill(torch.eye(12, dtype=torch.bool), -9e15)
    nce = F.cross_entropy(similarity, torch.cat([torch.arange(6, 12), torch.arange(0, 6)]))
    same = torch.arange(6).unsqueeze(0) % 3 == torch.arange(6).unsqueeze(1) % 3
    others = ~torch.eye(6, dtype=torch.bool)
    pairs = (F.normalize(a) @ F.normalize(b).T)[others].view(6, -1)
    kept = same[others].view(6, -1)
    joined = torch.cat([pairs[kept].view(6, -1), pairs[~kept].view(6, -1)], dim=1) / 0.1
    supervised = F.cross_entropy(joined, torch.zeros(6, dtype=torch.long))
    triplet = F.relu((a - b).pow(2).sum(1) - (a - b.flip(0)).pow(2).sum(1) + 1).mean()
    cross = ((a - a.mean(0)) / a.std(0)).T @ ((b - b.mean(0)) / b.std(0)) / 6
    redundancy = torch.diagonal(cross).add(-1).pow(2).sum() + 0.005 * cross.flatten()[:-1].view(4, 6)[:, 1:].pow(2).sum()
    distance = ((a[:, None, :] - b[None, :, :]) ** 2).sum(-1).sqrt()
    (nce + supervised + triplet + redundancy + distance.mean()).backward()
    yield nce, supervised, triplet, redundancy, a.grad, b.grad
    nearest, where = distance.topk(3, largest=False)
    yield nearest, where, torch.zeros(6, 3).scatter_add_(1, where % 3, torch.ones(where.shape)), torch.einsum("ik,jk->ij", a, b)


def recurrent_cells(torch: Any) -> Iterator[Any]:
    nn, F = torch.nn, torch.nn.functional

    class LSTMCell(nn.Module):
        def __init__(self, inputs: int, hidden: int) -> None:
            super().__init__()
            self.x2h, self.h2h = nn.Linear(inputs, 4 * hidden), nn.Linear(hidden, 4 * hidden)
            for w in self.parameters():
                w.data.uniform_(-1.0 / math.sqrt(hidden), 1.0 / math.sqrt(hidden))

        def forward(self, x: Any, state: Any) -> Any:
            h, c = state
            i, f, g, o = (self.x2h(x) + self.h2h(h)).chunk(4, 1)
            c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
            return o.sigmoid() * torch.tanh(c), c

    class Sequence(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.cell, self.out = LSTMCell(5, 6), nn.Linear(6, 2)
            self.mix = nn.ParameterList([nn.Parameter(torch.empty(12, 6)), nn.Parameter(torch.zeros(6))])

        def forward(self, x: Any) -> Any:
            h = torch.zeros(x.size(0), 6, dtype=x.dtype, device=x.device)
            c, g, outs = torch.zeros_like(h), x.new_zeros(x.size(0), 6), []
            for xt in x.unbind(1):
                h, c = self.cell(xt, (h, c))
                g = torch.tanh(torch.cat((h, g), 1).mm(self.mix[0]) + self.mix[1])
                outs += [g]
            return self.out(torch.stack(outs, dim=1)), h

    model = start(torch, Sequence())
    x, y = torch.tensor(numbers(4, 7, 5)), torch.tensor(numbers(4, 7, 2))
    lengths = torch.tensor([3, 7, 1, 5])
    mask = torch.arange(7)[None, :] < lengths[:, None]
    optimizer = torch.optim.Adagrad(model.parameters(), lr=0.05)
    for _ in range(4):
        predicted, hidden = model(x)
        loss = F.mse_loss(predicted, y, reduction="none").mean(-1)[mask].mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        yield loss
    yield predicted[torch.arange(4), lengths - 1], hidden.detach(), list(model.parameters())


def training_run(torch: Any) -> Iterator[Any]:
    nn, F = torch.nn, torch.nn.functional
    x, y = torch.tensor(numbers(24, 4)), torch.tensor(classes(3, 24))

    def model() -> Any:
        return start(torch, nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 8), nn.Tanh(), nn.Linear(8, 3)))

    def train(net: Any, optimizer: Any, scheduler: Any = None, steps: int = 4) -> Iterator[Any]:
        for _ in range(steps):
            optimizer.zero_grad()
            loss = F.cross_entropy(net(x), y)
            loss.backward()
            optimizer.step()
            if scheduler is not None:
                scheduler.step()
                yield scheduler.get_last_lr()
            yield loss
        yield list(net.parameters())

    schedules = torch.optim.lr_scheduler
    net = model()
    optimizer = torch.optim.SGD([{"params": net[0].parameters()}, {"params": net[2:].parameters(), "lr": 0.1}], lr=0.01, momentum=0.9, weight_decay=0.01)
    yield from train(net, optimizer, schedules.StepLR(optimizer, step_size=2, gamma=0.1))
    net = model()
    optimizer = torch.optim.AdamW(net.parameters(), lr=0.02, amsgrad=True)
    yield from train(net, optimizer, schedules.CosineAnnealingLR(optimizer, T_max=4, eta_min=1e-3))
    optimizer.zero_grad()
    for i, (part, labels) in enumerate(zip(x.split(6), y.split(6), strict=True)):
        (F.cross_entropy(net(part), labels) / 2).backward()
        if (i + 1) % 2 == 0:
            yield nn.utils.clip_grad_norm_(net.parameters(), 0.5)
            optimizer.step()
            optimizer.zero_grad()
    torch.save({"epoch": 3, "model": net.state_dict(), "optimizer": optimizer.state_dict()}, "checkpoint")
    kept = copy.deepcopy(net.state_dict())
    yield from train(net, optimizer, steps=2)
    saved = torch.load("checkpoint", map_location="cpu", weights_only=True)
    other = model()
    again = torch.optim.AdamW(other.parameters(), lr=0.5, amsgrad=True)
    other.load_state_dict(saved["model"])
    again.load_state_dict(saved["optimizer"])
    yield from train(other, again, steps=2)
    net.load_state_dict(kept)
    for p in net[:3].parameters():
        p.requires_grad = False
    net[4] = start(torch, nn.Linear(8, 3), seed=9)
    before = net[0].weight.clone()
    tuned = torch.optim.RMSprop(filter(lambda p: p.requires_grad, net.parameters()), lr=0.01)
    yield from train(net, tuned, schedules.LambdaLR(tuned, lr_lambda=lambda epoch: 0.95**epoch), steps=2)
    yield torch.equal(before, net[0].weight), sum(p.numel() for p in net.parameters() if p.requires_grad)


def looking_inside(torch: Any) -> Iterator[Any]:
    nn, F = torch.nn, torch.nn.functional
    net = start(torch, nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 36, 3)))
    seen: dict[int, Any] = {}
    handles = [layer.register_forward_hook(lambda module, inputs, output, i=i: seen.update({i: output.detach()})) for i, layer in enumerate(net)]
    image = torch.tensor(numbers(2, 1, 8, 8)).requires_grad_()
    out = net(image)
    out[0, out.argmax(1)[0]].backward()
    yield list(seen.values()), image.grad.data.abs().max(dim=1)[0]
    for handle in handles:
        handle.remove()
    features = net[1](net[0](image))
    features.retain_grad()
    doubled = features.register_hook(lambda g: 2 * g)
    net[3](net[2](features))[:, 1].sum().backward()
    doubled.remove()
    heat = torch.relu((features.grad.mean(dim=(2, 3), keepdim=True) * features).sum(1)).squeeze()
    yield features.grad, heat / (heat.amax(dim=(1, 2), keepdim=True) + 1e-8)
    net.requires_grad_(False)
    delta = torch.zeros_like(image, requires_grad=True)
    for _ in range(3):
        F.cross_entropy(net(image.detach() + delta), torch.tensor([2, 0])).backward()
        delta.data = (delta + 0.02 * delta.grad.detach().sign()).clamp(-0.05, 0.05)
        delta.grad.zero_()
    yield delta, net(image + delta).argmax(dim=1)


def graphs_codes_and_experts(torch: Any) -> Iterator[Any]:
    nn, F = torch.nn, torch.nn.functional
    source, target = torch.tensor([0, 1, 1, 2, 3]), torch.tensor([1, 0, 2, 1, 1])
    h = torch.tensor(numbers(4, 3), requires_grad=True)
    received = torch.zeros_like(h).index_add(0, target, h[source] * 2)
    degree = torch.zeros(4).scatter_add(0, target, torch.ones(5)).clamp(min=1)
    (received / degree.unsqueeze(-1)).pow(2).sum().backward()
    yield received, h.grad
    adjacency = torch.eye(4)
    adjacency[source, target] = 1
    scale = torch.diag(adjacency.sum(1).pow(-0.5))
    yield F.log_softmax(scale @ adjacency @ scale @ h, dim=1)
    z, book = torch.tensor(numbers(5, 3), requires_grad=True), start(torch, nn.Embedding(4, 3))
    distance = torch.sum(z**2, dim=1, keepdim=True) + torch.sum(book.weight**2, dim=1) - 2 * torch.matmul(z, book.weight.t())
    chosen = torch.zeros(5, 4).scatter_(1, torch.argmin(distance, dim=1).unsqueeze(1), 1)
    quantised = torch.matmul(chosen, book.weight).view(z.shape)
    loss = 0.25 * torch.mean((quantised.detach() - z) ** 2) + torch.mean((quantised - z.detach()) ** 2)
    (loss + (z + (quantised - z).detach()).pow(2).sum()).backward()
    yield loss, z.grad, book.weight.grad
    experts, gate = start(torch, nn.ModuleList([nn.Linear(3, 2) for _ in range(4)])), start(torch, nn.Linear(3, 4), seed=1)
    x, out = torch.tensor(numbers(6, 3)), torch.zeros(6, 2)
    share, picked = torch.topk(F.softmax(gate(x), dim=-1), 2, dim=-1)
    share = share / share.sum(-1, keepdim=True)
    for i, expert in enumerate(experts):
        token, slot = torch.where(picked == i)
        out[token] += share[token, slot, None] * expert(x[token])
    out.pow(2).sum().backward()
    yield out, gate.weight.grad, [p.grad for p in experts.parameters() if p.grad is not None]


def indexing_and_writes(torch: Any) -> Iterator[Any]:
    x = torch.tensor(numbers(5, 6), requires_grad=True)
    i = torch.tensor([[0, 2], [1, 1], [4, 0], [3, 3], [2, 4]])
    y = x.clone()
    y[0] = 0
    y[:, 1] *= 2
    y[i[:, 0], 0] = y[i[:, 1], 1]
    y[2:4, ::2] *= -1
    y[[0, 1], [2, 3]] = torch.tensor([9.0, 8.0])
    y[y > 1.5] = 2
    y.t()[3].add_(1).mul_(x[:, 0])
    y[..., -1] -= y[..., 1]
    y[1:].unsqueeze(0)[0, :, 2:4].sub_(x[1:, 2:4] ** 2)
    total = y.sum() + torch.where(x > 0, x, 0.1 * x).prod(1).sum() + x.gather(1, i).prod() + x[torch.tensor([0, 0, 2])].pow(2).sum() + x[x > 0].sqrt().sum()
    total = total + torch.topk(x, 2)[0].sum() + x.sort(0).values[0].sum() + x.max() + x.cumprod(1).sum() + x.std(1).sum() + x.logsumexp((0, 1)) + x.clamp(-1, 0.5).norm()
    total.backward()
    yield y, total, x.grad
    confusion = torch.zeros(3, 3, dtype=torch.int64)
    for label, guess in zip(torch.tensor([0, 1, 2, 2]), torch.tensor([0, 2, 2, 1]), strict=True):
        confusion[label, guess] += 1
    values, where = torch.unique(torch.tensor([3, 1, 2, 1, 3]), return_inverse=True)
    yield confusion, confusion.diag() / confusion.sum(0).clamp(min=1), values, where, (x > 0).nonzero(), x.argsort(dim=0), x.flip(0).roll(1, 1), x.tril().repeat(2, 1)


PROGRAMS: list[Callable[[Any], Iterator[Any]]] = [
    convolutional_classifier, variational_autoencoder, language_model, adversaries, learning_to_learn, physics_informed_net, policy_gradients,
    contrastive_losses, recurrent_cells, training_run, looking_inside, graphs_codes_and_experts, indexing_and_writes,
]


def flat(value: Any) -> Iterator[Any]:
    if isinstance(value, (list, tuple)):
        for each in value:
            yield from flat(each)
    else:
        yield value


def run(library: Any, program: Callable[[Any], Iterator[Any]]) -> list[Any]:
    """What the program yields, with floats of double precision, so that rounding says nothing about the comparison."""
    before = library.get_default_dtype()
    library.set_default_dtype(library.float64)
    try:
        return [copied(each) for value in program(library) for each in flat(value)]
    finally:
        library.set_default_dtype(before)


def copied(value: Any) -> Any:
    return value.detach().numpy().copy() if hasattr(value, "detach") else value


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.__name__)
def test_both_libraries_give_the_same_numbers(program: Callable[[Any], Iterator[Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    theirs = run(torch, program)
    ours = run(autograd_core, program)
    assert len(ours) == len(theirs) > 0
    for i, (mine, right) in enumerate(zip(ours, theirs, strict=True)):
        assert type(mine) is type(right), i
        if isinstance(right, np.ndarray):
            assert (mine.dtype, mine.shape) == (right.dtype, right.shape), i
        np.testing.assert_allclose(mine, right, rtol=1e-9, atol=1e-10, err_msg=f"{program.__name__}: value {i}")

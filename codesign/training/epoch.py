"""One epoch, one batch: what training does between checkpoints."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from codesign.pnn import Architecture, Method, PNNParameters
from codesign.pnn.noise import Rows
from codesign.training.augmentation import augmented
from codesign.training.checkpoint import EpochRecord, TrainingState
from codesign.training.datasets import Dataset, Split
from codesign.training.evaluation import Evaluation, evaluate, predict
from codesign.training.losses import needs_hidden, training_loss
from codesign.training.parallel import Group
from codesign.training.parameters import TrainingParameters
from codesign.training.projection import clamp_weights, feasible_weights
from codesign.training.results import TrainingResult
from codesign.training.sources import image_shape

# Training samples that an accuracy is measured on: all of a small set, the first of a large one.
_MOST_SAMPLES = 5000


@dataclass(frozen=True)
class Run:
    """What stays the same during training."""

    net: Architecture
    params: tuple[PNNParameters, ...]
    data: Dataset
    training: TrainingParameters
    group: Group

    def epoch(self, state: TrainingState) -> EpochRecord:
        """Every training sample once; with accuracies where they are due."""
        training, data = self.training, self.data
        epoch = len(state.history) + 1
        rate = _learning_rate(epoch, training)
        samples = len(data.train)
        draws = self._draws(state, epoch)
        # Sums stay on the device until the epoch is over: no step waits for the one before.
        sums = torch.zeros(2, dtype=torch.float64, device=self.device)
        order = torch.randperm(samples, generator=state.generator)
        batches = order.to(self.device, non_blocking=True).split(training.batch_size)
        for number, chosen in enumerate(batches):
            done = epoch - 1 + (number + 1) / len(batches)
            rise = min(1.0, done / training.warmup_epochs) if training.warmup_epochs else 1.0
            for group in state.optimizer.param_groups:
                group["lr"] = rate * rise
            loss, right = self._step(state, chosen, draws)
            sums += torch.stack([loss.double() * len(chosen), right.double()])
        total, hits = self.group.sum(sums.tolist())
        record = EpochRecord(epoch, rate, total / samples, hits / samples)
        every = training.evaluate_every
        if every and (epoch % every == 0 or epoch == training.epochs):
            weights = self.feasible(state)
            on_train = self.evaluate(weights, data.train.head(_MOST_SAMPLES), "dstd2")
            on_test = self.evaluate(weights, data.test, "dstd2")
            record = replace(
                record, train_accuracy=on_train.accuracy, test_accuracy=on_test.accuracy
            )
        return record

    def result(self, state: TrainingState) -> TrainingResult:
        """The trained network and its final accuracies."""
        weights, method = self.feasible(state), self.training.test_method
        return TrainingResult(
            weights=weights,
            params=self.params,
            history=state.history,
            dataset=self.data,
            train=self.evaluate(weights, self.data.train.head(_MOST_SAMPLES), method),
            test=self.evaluate(weights, self.data.test, method),
            architecture=self.net,
        )

    def feasible(self, state: TrainingState) -> list[Tensor]:
        """Copies of the weights as the circuit carries them."""
        weights = [w.detach() for w in state.weights]
        return [w.clone() for w in feasible_weights(weights, self.training.circuit)]

    def evaluate(self, weights: Sequence[Tensor], split: Split, method: Method) -> Evaluation:
        """Accuracy and ranges on a split, without noise."""
        return evaluate(
            *(weights, self.params, split, self.data.n_classes, method, self.training.test_steps),
            architecture=self.net,
        )

    @property
    def device(self) -> torch.device:
        """Where training happens."""
        return self.train.times.device

    @cached_property
    def train(self) -> Split:
        """The training samples, on the device."""
        gpu = self.training.device == "auto" and torch.cuda.is_available()
        split = self.data.train
        if not gpu:
            return split
        return Split(split.times.to("cuda"), split.labels.to("cuda"), split.rows)

    def _draws(self, state: TrainingState, epoch: int) -> torch.Generator:
        """Where noise, augmentation and jitter come from: on a CPU the state's own generator.

        On another device a generator of its own, new in every epoch, so that a run that goes on
        from a checkpoint draws the same.
        """
        if self.device.type == "cpu":
            return state.generator
        generator = torch.Generator(self.device)
        return generator.manual_seed((self.training.seed + 1) * 1_000_003 + epoch)

    def _step(
        self, state: TrainingState, chosen: Tensor, draws: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """One batch: this process's part of the loss, and how many of its samples are right."""
        training, circuit = self.training, self.training.circuit
        rows = self.group.rows(len(chosen)).to(chosen.device)
        times = self.train.times[chosen]
        labels = self.train.labels[chosen[rows]]
        solution = training.solution(self._offset(state.generator))
        image = image_shape(training.dataset)
        if training.augmentation and image is not None:
            inverted = training.coding == "inverted"
            times = augmented(times, image, training.input_window, inverted, draws)
        which, total = rows, len(chosen)
        if circuit.range_penalty and circuit.range_jitter:
            times = torch.cat([times, _jittered(times, draws, training)])
            which, total = torch.cat([rows, rows + total]), 2 * total
        shared = None if self.group.size == 1 else Rows(which, total)
        times = times if shared is None else times[which]
        weights = feasible_weights(state.weights, circuit)
        written = _on_a_chip(weights, training.robust, draws) if training.robust else weights
        outputs = self.net.forward(
            *(times, written, self.params, solution, training.spike_noise, draws),
            trace=circuit.range_penalty > 0 and self.net.neuron.has_trace,
            noise_on_silent=training.noise_on_silent,
            rows=shared,
            hidden=needs_hidden(training),
        )
        classes, t_silent = self.data.n_classes, self.net.neuron.t_silent
        loss = training_loss(outputs, labels, weights, classes, training, t_silent)
        loss = loss if shared is None else loss * (len(rows) / len(chosen))
        state.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.group.sum_gradients(state.weights)
        state.optimizer.step()
        clamp_weights(state.weights, circuit)
        right = predict(outputs[-1].t_unclipped[: len(labels)].detach(), classes) == labels
        return loss.detach(), right.sum()

    def _offset(self, generator: torch.Generator) -> float:
        """Where this batch's grid begins; see `Solution`."""
        training = self.training
        if not training.random_offset or training.method == "exact":
            return 0.0
        draw = torch.rand((), generator=generator, dtype=torch.float64)
        steps = training.steps
        return float(draw) / (steps if isinstance(steps, int) else min(steps))


def _on_a_chip(
    weights: Sequence[Tensor], spread: float, generator: torch.Generator
) -> list[Tensor]:
    """Weights as a chip carries them: every one off by a factor of its own, of median 1."""
    return [
        weight
        * torch.exp(
            spread
            * torch.randn(
                weight.shape, dtype=weight.dtype, generator=generator, device=generator.device
            )
        )
        for weight in weights
    ]


def _jittered(times: Tensor, generator: torch.Generator, training: TrainingParameters) -> Tensor:
    """Inputs near the samples, inside the input window, as unseen samples will be."""
    count = times.shape[1] - training.bias_spike
    features = times[:, :count]
    source = generator.device
    noise = torch.randn(features.shape, dtype=times.dtype, generator=generator, device=source)
    features = (features + training.circuit.range_jitter * noise).clamp(*training.input_window)
    return torch.cat([features, times[:, count:]], dim=1)


def _learning_rate(epoch: int, training: TrainingParameters) -> float:
    progress = (epoch - 1) / max(training.epochs - 1, 1)
    low = training.learning_rate_end
    share = low + (1.0 - low) * 0.5 * (1.0 + math.cos(math.pi * progress))
    return training.learning_rate * share

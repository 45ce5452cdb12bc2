"""What a process is: facts from `pdk/<process>/*.toml`, apart from where its models are."""

from __future__ import annotations

import difflib
import math
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from codesign.errors import InputError, ToolError
from codesign.pdk.conditions import Conditions, Device
from codesign.pdk.include import build_include
from codesign.pdk.library import LibraryLocation, where
from codesign.pdk.modelfile import ModelFile, Subcircuit, parse_models
from codesign.resources import resource_dir


@dataclass(frozen=True)
class DeviceFacts:
    """One device of the process. `kind` is n, p, cap or res; sizes in micrometres."""

    name: str
    subcircuit: str
    kind: str
    file: str
    w_min_um: float
    l_min_um: float
    v_max_V: float
    description: str


@dataclass(frozen=True)
class Process:
    """A process: supply, grid, devices, and the model library when it is installed.

    Cheap to pickle: parsed model files are kept per object and left out of the pickle.
    """

    name: str
    supply_V: float
    grid_um: float
    devices: tuple[DeviceFacts, ...]
    model_prefix: str
    folder: Path
    library_path: Path | None = None

    @classmethod
    def sky130(cls, library_path: Path | None = None) -> Process:
        """SkyWater sky130. `library_path` overrides the search of `codesign.pdk.where`."""
        folder = resource_dir("pdk") / "sky130"
        facts = _read(folder / "process.toml")
        prefix = facts["model_library"]["prefix"]
        devices = tuple(
            DeviceFacts(name=name, subcircuit=prefix + name, **record)
            for name, record in _read(folder / "devices.toml").items()
        )
        return cls(
            name=facts["process"]["name"],
            supply_V=facts["supply"]["nominal_V"],
            grid_um=facts["grid"]["manufacturing_um"],
            devices=devices,
            model_prefix=prefix,
            folder=folder,
            library_path=library_path,
        )

    def __getstate__(self) -> dict[str, Any]:
        return {k: v for k, v in self.__dict__.items() if k not in ("library", "_files")}

    @cached_property
    def library(self) -> LibraryLocation:
        """Where the model files are. Raises MissingToolError when they are not installed."""
        if self.library_path is not None:
            return LibraryLocation(self.library_path, "argument", self.library_path.name)
        return where()

    def device(self, name: str) -> DeviceFacts:
        """Facts of one device by its short name. Raises InputError for an unknown one."""
        for facts in self.devices:
            if facts.name == name:
                return facts
        names = [facts.name for facts in self.devices]
        near = difflib.get_close_matches(name, names, n=1)
        raise InputError(
            f"unknown {self.name} device {name!r}"
            + (f"; did you mean {near[0]!r}?" if near else ""),
            remedy=f"known devices: {', '.join(names)}",
        )

    def check(self, device: Device) -> DeviceFacts:
        """Facts of a device after checking its drawn size. Raises InputError."""
        facts = self.device(device.model)
        for axis, size, minimum in (
            ("W", device.w_um, facts.w_min_um),
            ("L", device.l_um, facts.l_min_um),
        ):
            if not math.isfinite(size) or size < minimum * (1 - 1e-9):
                raise InputError(
                    f"{device.model} with {axis} = {size:g} um: the process allows {axis} >= "
                    f"{minimum:g} um (W >= {facts.w_min_um:g}, L >= {facts.l_min_um:g})",
                    remedy="sizes are in micrometres",
                )
        return facts

    def model_include(
        self, conditions: Conditions, devices: Iterable[Device], *, body_resistance: bool = False
    ) -> str:
        """Text of the trimmed model include for these devices at these conditions.

        `body_resistance` keeps BSIM4's five-resistor body network (rbodymod = 1), which doubles the
        equations for changes below 0.001 mV in our circuits. Raises InputError for an unknown
        device or a size no model holds for, MissingToolError without a model library.
        """
        wanted = sorted(set(devices))
        facts = {device.model: self.check(device) for device in wanted}
        parameters = [
            self._file(f"parameters_{kind}_{level}.spice").parameters
            for kind, level in (
                ("fet", conditions.corner),
                ("res", conditions.interconnect),
                ("cap", conditions.interconnect),
            )
        ]
        return build_include(
            parameters,
            self._file("models_global.spice"),
            [(name, self._device_file(f)) for name, f in facts.items()],
            wanted,
            conditions,
            prefix=self.model_prefix,
            body_resistance=body_resistance,
        )

    @cached_property
    def _files(self) -> dict[str, ModelFile]:
        return {}

    def _file(self, name: str) -> ModelFile:
        if name not in self._files:
            path = self.library.path / name
            try:
                text = path.read_text(encoding="latin-1")
            except OSError as error:
                raise ToolError(
                    f"cannot read the model file {path}: {error.strerror}",
                    remedy="reinstall it with `codesign pdk install`",
                ) from error
            self._files[name] = parse_models(text)
        return self._files[name]

    def _device_file(self, facts: DeviceFacts) -> ModelFile:
        file = self._file(facts.file)
        if facts.kind != "res":
            # Top-level parameters of the other files describe interconnect and are not used.
            return ModelFile("", file.subcircuits, ())
        shared: dict[str, Subcircuit] = self._file("models_capacitors.spice").subcircuits
        return ModelFile(file.parameters, {**shared, **file.subcircuits}, ())


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise ToolError(
            f"cannot read the process facts {path}: {error}", remedy="reinstall codesign"
        ) from error


def default_process() -> Process:
    """The process of what names none."""
    return Process.sky130()

"""What a process is: the facts in a folder of TOML files, apart from where its models are."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from codesign.errors import InputError, ToolError
from codesign.pdk.conditions import Conditions, Device, Interconnect
from codesign.pdk.devices import DeviceFacts
from codesign.pdk.facts import DEFAULT_PROCESS, facts_of, process_folder
from codesign.pdk.include import build_include
from codesign.pdk.library import LibraryLocation, ModelLibrary, read_model_library
from codesign.pdk.model_names import library_names, names_in
from codesign.pdk.modelfile import ModelFile, Subcircuit, parse_models
from codesign.pdk.parasitics import ParasiticTable, read_parasitics
from codesign.pdk.recognition import Recognition, read_recognition
from codesign.pdk.resistances import ResistanceTable, read_resistances
from codesign.pdk.rules import RuleTable, read_rules
from codesign.pdk.technology import Technology, read_technology
from codesign.pdk.variation import matching_constant


@dataclass(frozen=True)
class Process:
    """A process: supply, grid, devices, layers, rules, parasitics, and its model library.

    Everything is read from `folder`; `library_path` overrides the search for the models. Cheap to
    pickle: tables and parsed model files are kept beside the object and left out of the pickle.
    """

    name: str
    supply_V: float
    grid_um: float
    devices: tuple[DeviceFacts, ...]
    model_library: ModelLibrary
    folder: Path
    library_path: Path | None = None

    @staticmethod
    def load(name: str | Path = DEFAULT_PROCESS) -> Process:
        """A shipped process by its name, or any by its folder (see `process_folder`).

        The facts are read once per folder. Raises InputError for an unknown process, ToolError for
        a damaged folder.
        """
        return _load(process_folder(name))

    def __getstate__(self) -> dict[str, Any]:
        return {k: v for k, v in self.__dict__.items() if k != "_files"}

    @property
    def library(self) -> LibraryLocation:
        """Where the model files are. Raises MissingToolError when they are not installed."""
        if self.library_path is not None:
            return self.model_library.at(self.library_path, "argument", self.library_path.name)
        return self.model_library.find()

    @property
    def technology(self) -> Technology:
        """Layers and cuts. Raises ToolError for a damaged layers.toml."""
        return read_technology(self.folder)

    @property
    def rules(self) -> RuleTable:
        """The design rules. Raises ToolError for a damaged rules.toml."""
        return read_rules(self.folder)

    @property
    def recognition(self) -> Recognition:
        """What drawn shapes are devices. Raises ToolError for a damaged recognition.toml."""
        return read_recognition(self.folder)

    def parasitics(self, corner: str = "nom", law: str = "constant") -> ParasiticTable:
        """Capacitance coefficients at an interconnect corner. Raises InputError for another corner
        or law, ToolError for a damaged parasitics.toml or interconnect.toml."""
        return read_parasitics(self.folder, str(corner), law)

    def resistances(self, corner: Interconnect = Interconnect.NOM) -> ResistanceTable:
        """Wire and contact resistances at an interconnect corner. Raises ToolError for a damaged
        layers.toml or resistances.toml."""
        return read_resistances(self.folder, corner)

    @property
    def netgen_setup(self) -> Path:
        """The set-up file of netgen-lvs. Raises ToolError when process.toml names none."""
        with facts_of(self.folder / "process.toml") as facts:
            return self.folder / str(facts["netgen"]["setup_file"])

    @property
    def magic_technology(self) -> str:
        """What the name of magic's technology begins with."""
        with facts_of(self.folder / "process.toml") as facts:
            return str(facts["magic"]["technology"])

    def magic_start_file(self) -> Path | None:
        """Start-up file of magic's technology in $PDK_ROOT/$PDK; None when PDK_ROOT is not set."""
        installation = self.model_library.installation()
        if installation is None:
            return None
        with facts_of(self.folder / "process.toml") as facts:
            start_file = str(facts["magic"]["start_file"])
        return installation / start_file.format(pdk=installation.name)

    @property
    def model_prefix(self) -> str:
        """What the names of the model library's subcircuits begin with."""
        return self.model_library.prefix

    def model_names(self) -> frozenset[str] | None:
        """What the installed library defines, in small letters; None when there is none."""
        if self.library_path is not None:
            return names_in(self.library.lib_file)
        return library_names(self.model_library)

    def subcircuit(self, model: str) -> str:
        """Name of a device's subcircuit in a netlist, from its short name (`nfet_01v8`)."""
        return self.model_library.prefix + model

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
        for axis, size, low, high in (
            ("W", device.w_um, facts.w_min_um, facts.w_max_um),
            ("L", device.l_um, facts.l_min_um, facts.l_max_um),
        ):
            if math.isfinite(size) and low * (1 - 1e-9) <= size <= high * (1 + 1e-9):
                continue
            bound = f">= {low:g}" if not size > high else f"<= {high:g}"
            raise InputError(
                f"{device.model} with {axis} = {size:g} um: the process allows {axis} {bound} um "
                f"({facts.sizes()})",
                remedy="sizes are in micrometres",
            )
        return facts

    def check_nodes(self, model: str, count: int) -> None:
        """Whether a device is connected at so many nodes. Raises InputError."""
        terminals = self.device(model).terminals
        if count != len(terminals):
            raise InputError(
                f"{model} has {count} nodes, it needs {len(terminals)}",
                remedy=f"its nodes in order: {' '.join(terminals)}",
            )

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
        folder = self.library.path
        corners = {"corner": conditions.corner, "interconnect": conditions.interconnect}
        parameters = [
            self._file(folder / pattern.format(**corners)).parameters
            for pattern in self.model_library.parameter_files
        ]
        return build_include(
            parameters,
            self._file(folder / self.model_library.global_file),
            [(name, self._device_file(folder, f)) for name, f in facts.items()],
            wanted,
            conditions,
            process=self.name,
            prefix=self.model_prefix,
            body_resistance=body_resistance,
        )

    def threshold_deviation_V(self, device: Device) -> float | None:
        """Standard deviation of a transistor's threshold from device to device, in V: the library's
        matching constant over sqrt(W L). None where the library has none for this model. Raises
        MissingToolError without a model library."""
        text = self._file(self.library.path / self.model_library.global_file).parameters
        constant = matching_constant(text, self.subcircuit(device.model))
        if constant is None:
            return None
        return constant / math.sqrt(device.w_um * device.l_um)

    @cached_property
    def _files(self) -> dict[Path, ModelFile]:
        return {}

    def _file(self, path: Path) -> ModelFile:
        if path not in self._files:
            try:
                text = path.read_text(encoding="latin-1")
            except OSError as error:
                raise ToolError(
                    f"cannot read the model file {path}: {error.strerror}",
                    remedy="reinstall it with `codesign pdk install`",
                ) from error
            self._files[path] = parse_models(text, self.model_prefix)
        return self._files[path]

    def _device_file(self, folder: Path, facts: DeviceFacts) -> ModelFile:
        file = self._file(folder / facts.file)
        if facts.kind != "res":
            # Top-level parameters of the other files describe interconnect and are not used.
            return ModelFile("", file.subcircuits, ())
        shared: dict[str, Subcircuit] = self._file(
            folder / self.model_library.shared_file
        ).subcircuits
        return ModelFile(file.parameters, {**shared, **file.subcircuits}, ())


@cache
def _load(folder: Path) -> Process:
    path = folder / "process.toml"
    library = read_model_library(path)
    with facts_of(folder / "devices.toml") as records:
        devices = tuple(
            DeviceFacts(name=name, subcircuit=library.prefix + name, **record)
            for name, record in records.items()
        )
    with facts_of(path) as facts:
        return Process(
            name=str(facts["process"]["name"]),
            supply_V=float(facts["supply"]["nominal_V"]),
            grid_um=float(facts["grid"]["manufacturing_um"]),
            devices=devices,
            model_library=library,
            folder=folder,
        )


@cache
def default_process() -> Process:
    """The process of what names none."""
    return Process.load(DEFAULT_PROCESS)

"""The MedQ-UNI engine: words from the model, and a restoration that follows them; no torch.

Each slice is restored by itself, so that the result does not depend on how a series was cut into
slabs; slices go through side by side, on all cores (``engines.medq_uni.crew``). What the model does
not say, blur and clipping, is measured as the classical engine does.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from engines import aggregate, description, sampled, severity, verdict
from engines.base import (
    BoolArray,
    EngineError,
    EngineOptions,
    FloatArray,
    ImageStack,
    Slab,
    StackInfo,
)
from engines.classical import measure, noise, sharpness
from engines.description import (
    APPLICABLE,
    MAX_AMOUNT,
    RESTORING,
    Amount,
    Confidence,
    Degradation,
    Finding,
    Modality,
    QualityDescription,
)
from engines.medq_uni import (
    levels,
    look,
    mending,
    plausible,
    sampling,
    series,
    signs,
    spoken,
    tokens,
    viewing,
    weights_file,
)
from engines.medq_uni.crew import Crew
from engines.medq_uni.graphs import Graphs, joined, model_of, open_graphs
from engines.medq_uni.memory import Memory, Told
from engines.medq_uni.plausible import Evidence
from engines.medq_uni.series import SliceWords
from engines.medq_uni.viewing import View
from engines.medq_uni.weights_file import Weights
from engines.parameters import constants_of
from engines.runtime.choose import threads_of

VERSION = "1.1.0"
"""Changes with the method; weights have a version of their own."""
PARAMETERS = (
    description, aggregate, sampled, severity, verdict, measure, noise, sharpness,
    levels, look, mending, plausible, sampling, series, signs, spoken, tokens, viewing,
)  # fmt: skip
"""Modules whose constants may change a result."""
MEASURED = (Degradation.BLUR, Degradation.CLIPPING)
"""What the model does not say."""
_EMPTY = np.empty((0, 0), np.float32)


@dataclass(frozen=True, slots=True)
class _Shown:
    """A slice as the model is shown it, and what can be held against its words."""

    index: int
    view: View
    evidence: Evidence
    key: bytes


class MedQUniEngine:
    """Words and restoration by the trained model; see ``engines.base.Engine``.

    Without ``options.weights`` they are in the folder that ``MEDQ_UNI_WEIGHTS`` names, or beside
    the code. ``steered`` False gives the experts the words' gate and number alone, without what the
    restoration tokens read from image and words: to measure what that is worth. ``graphs`` are
    those of another engine over the same weights.

    Raises:
        EngineError: the weights are missing, damaged or not this code's; the runtime that is asked
            for can't be had.
    """

    name = "medq-uni"
    restorable = RESTORING
    modalities = frozenset(Modality.sectional())

    def __init__(
        self,
        options: EngineOptions | None = None,
        *,
        steered: bool = True,
        graphs: Graphs | None = None,
    ) -> None:
        self._options = options or EngineOptions()
        self.weights: Weights = weights_file.read_weights(
            self._options.weights or weights_file.default_folder()
        )
        self.notes: tuple[str, ...] = ()
        if graphs is None:
            choice = open_graphs(self.weights, self._options)
            graphs, self.notes = Graphs(choice.runtime), choice.notes
        self._graphs = graphs
        self._steered = steered
        self._memory = Memory()

    @property
    def version(self) -> str:
        """Version of the method and of the weights."""
        return f"{VERSION}, weights {self.weights.version}"

    @property
    def runtime(self) -> str:
        """What the model runs on: library, version, device, precision."""
        return self._graphs.runtime.about

    @property
    def digest(self) -> str:
        """SHA-256 (hex) over weights, version, parameters, runtime and precision."""
        what = {
            "version": VERSION,
            "weights": self.weights.digest,
            "runtime": self.runtime,
            "steered": str(self._steered),
            **constants_of(PARAMETERS),
        }
        return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()

    def compile(self, tell: Callable[[str], None]) -> int:
        """See ``engines.base.OnRuntime``."""
        order = model_of(self.weights).order(self._options)
        if order is None:
            raise EngineError("no folder for what is compiled: set engine.compiled")
        # NVIDIA's libraries are looked for only here.
        from engines.runtime.tensorrt.building import build_all

        return build_all(order, tell, wait=True)

    def without_steering(self) -> MedQUniEngine:
        """The same engine with every ``c_k`` zero."""
        return MedQUniEngine(self._options, steered=False, graphs=self._graphs)

    def assess(self, stack: ImageStack) -> QualityDescription:
        """Describe the quality of a whole series; long ones are sampled.

        Raises:
            EngineError: no pixels, or none that is finite outside padding; the runtime failed.
        """
        info = stack.info
        if min(info.slices, info.rows, info.columns) < 1:
            raise EngineError("the series has no pixels to assess")
        measured: dict[int, list[Finding]] = {}
        said: list[SliceWords] = []
        with self._crew(info) as crew:
            for batch in sampled.slices_of(stack, crew.slices):
                shown: list[_Shown] = []
                for index, (found, one) in zip(
                    (index for index, _, _ in batch),
                    crew.each(lambda one: self._assessed(*one, info), batch),
                    strict=True,
                ):
                    if found is not None:
                        measured[index] = found
                    if one is not None:
                        shown.append(one)
                for told in crew.grouped(lambda group: self._told(group, info), shown):
                    said += [one.words for one in told]
        if not measured:
            raise EngineError("the series has no finite pixel outside padding: nothing to assess")
        words = {one.index: one for one in series.smoothed(said, info)}
        slices = {
            index + 1: self._of_slice(words.get(index), found, info)
            for index, found in measured.items()
        }
        return aggregate.aggregate(slices, RESTORING, pixel_mm=series.pixel_mm_of(info))

    def restore(self, slab: Slab, info: StackInfo, description: QualityDescription) -> FloatArray:
        """Restored values of ``slab``, same shape and unit; bit-identical where words say none.

        Raises:
            EngineError: the description is of another modality than the stack; the runtime failed.
        """
        if description.modality is not info.modality:
            raise EngineError(
                f"a description of {description.modality} can't steer {info.modality}"
            )
        restored = slab.values.copy()
        if not any(levels.gates_of(description, self.weights.gates)):
            return restored
        with self._crew(info) as crew:
            groups = crew.grouped(
                lambda group: self._restored(group, slab, info, description, crew),
                range(len(restored)),
            )
            for found in groups:
                for k, values in found.items():
                    restored[k] = values
        return restored

    def _crew(self, info: StackInfo) -> Crew:
        runtime = self._graphs.runtime
        batch = min(runtime.batch, sampling.batch_for(info))
        return Crew(threads_of(self._options), runtime.workers, batch)

    def _assessed(
        self, index: int, values: FloatArray, valid: BoolArray, info: StackInfo
    ) -> tuple[list[Finding] | None, _Shown | None]:
        """What is measured of a slice, and how it is shown; ``None`` where there is nothing."""
        found = _measured(values, valid, info, index)
        if found is None:
            return None, None
        findings, sigma = found
        return findings, self._shown(index, values, valid, info, sigma)

    def _shown(
        self,
        index: int,
        values: FloatArray,
        valid: BoolArray,
        info: StackInfo,
        sigma: float | None = None,
    ) -> _Shown | None:
        key = self._memory.key_of(values, valid, info)
        known = self._memory.known(key)
        view = viewing.view_of(values, valid, info, known.look if known else None)
        if view is None:
            return None
        return _Shown(index, view, Evidence(values, view.usable, info, sigma), key)

    def _told(self, shown: Sequence[_Shown], info: StackInfo) -> list[Told]:
        """What the model says of slices of one size, and what it saw; remembered for a while."""
        known = {one.index: self._memory.known(one.key) for one in shown}
        new = [one for one in shown if known[one.index] is None]
        if new:
            scene = spoken.Scene(info.modality, info.region, series.pixel_mm_of(info))
            looks = [one.view.look for one in new]
            kept = self._graphs.look(
                np.stack([look.padded(one.image) for one in looks])[:, None],
                np.stack([one.spectrum for one in looks]),
                np.stack([one.facts for one in looks]),
            )
            temperature = self.weights.calibration[info.modality].temperature
            said = spoken.say(
                lambda so_far: self._graphs.say(so_far, kept), scene, len(looks), temperature
            )
            for k, (one, sentence) in enumerate(zip(new, said, strict=True)):
                words = plausible.words_of(one.index, sentence, one.evidence, scene)
                found = Told(words, kept.of(k), replace(one.view.look, image=_EMPTY))
                self._memory.keep(one.key, found)
                known[one.index] = found
        return [
            replace(told, words=replace(told.words, index=index))
            for index, told in known.items()
            if told is not None
        ]

    def _of_slice(
        self, words: SliceWords | None, measured: Sequence[Finding], info: StackInfo
    ) -> QualityDescription:
        """The description of one slice; without ``words`` there was nothing to see on it."""
        confidence = Confidence.LOW
        findings = list(measured)
        if words is not None:
            confidence = series.confidence_of(words, self.weights.calibration[info.modality])
            findings += words.findings.values()
        pixel_mm = series.pixel_mm_of(info)
        judged, actions = verdict.verdict_of(
            findings, info.modality, info.region, confidence, RESTORING, pixel_mm=pixel_mm
        )
        named = {finding.degradation for finding in findings}
        return QualityDescription(
            info.modality,
            info.region,
            tuple(findings),
            tuple(kind for kind in APPLICABLE[info.modality] if kind not in named),
            judged,
            actions,
            confidence,
        )

    def _restored(
        self,
        group: Sequence[int],
        slab: Slab,
        info: StackInfo,
        description: QualityDescription,
        crew: Crew,
    ) -> dict[int, FloatArray]:
        """Those of some slices of a slab (by their place in it) that words change."""
        shown = [
            one
            for one in crew.each(
                lambda k: self._shown(k, slab.values[k], slab.valid[k], info), group
            )
            if one is not None
        ]
        told = self._told(shown, info)
        pixel_mm = series.pixel_mm_of(info)
        wanted = []
        for one, found in zip(shown, told, strict=True):
            own = found.words.findings
            words = plausible.obeyed(
                series.words_of_slice(description, own, slab.first + one.index + 1), one.evidence
            )
            gates = levels.gates_of(words, self.weights.gates)
            if any(gates):
                wanted.append((one, found, words, gates))
        if not wanted:
            return {}
        steered = self._graphs.steer(
            np.array([tokens.encode(words)[0] for _, _, words, _ in wanted], np.int64),
            joined([found.kept for _, found, _, _ in wanted]),
        )
        if not self._steered:
            steered = np.zeros_like(steered)
        orders = [
            _orders(words, found.words.findings, gates, own_steered, pixel_mm)
            for (_, found, words, gates), own_steered in zip(wanted, steered, strict=True)
        ]
        changes = mending.changes_of(
            self._graphs, [(one.view.image, one.view.look) for one, _, _, _ in wanted], orders
        )
        result = {}
        for (one, _, _, _), change in zip(wanted, changes, strict=True):
            values = slab.values[one.index]
            result[one.index] = mending.kept_sane(
                values, change * np.float32(one.view.look.scale), one.view.usable, info
            )
        return result


def _orders(
    words: QualityDescription,
    own: Mapping[Degradation, Finding],
    gates: Sequence[float],
    steered: FloatArray,
    pixel_mm: float,
) -> list[mending.Order]:
    """What the experts are to do to a slice that itself says ``own``."""
    found = []
    for kind, gate, c in zip(levels.EXPERTS, gates, steered, strict=True):
        amount = series.number_for(words, own.get(kind), kind, pixel_mm) if gate > 0 else None
        if amount is not None:
            found.append(mending.Order(kind, gate, amount, c))
    return found


def _measured(
    values: FloatArray, valid: BoolArray, info: StackInfo, index: int
) -> tuple[list[Finding], float | None] | None:
    """Findings of what is measured instead of said, and the noise in CT, in HU.

    ``None`` where no pixel is valid and finite.
    """
    pixel_mm = series.pixel_mm_of(info)
    rows = {
        kind: severity.cut_offs(info.modality, kind, info.region, pixel_mm) for kind in MEASURED
    }
    if not any(rows.values()):
        return ([], None) if bool((valid & np.isfinite(values)).any()) else None
    with np.errstate(over="ignore", invalid="ignore"):  # of values that no scanner makes
        measures = measure.measure_slice(values, valid, info, index)
    if measures is None:
        return None
    amounts = dict(zip(MEASURED, (measures.fwhm_mm, measures.clipped), strict=True))
    found = []
    for kind, amount in amounts.items():
        row = rows[kind]
        if row is not None and amount is not None:
            said = [Amount(min(amount, MAX_AMOUNT), row.unit)]
            found.append(
                severity.graded_finding(kind, said, info.modality, info.region, pixel_mm=pixel_mm)
            )
    return found, measures.noise if info.modality is Modality.CT else None

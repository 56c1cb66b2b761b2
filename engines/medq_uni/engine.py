"""The MedQ-UNI engine: words from the model, and a restoration that follows them; no torch.

Each slice is restored by itself, so that the result does not depend on how a series was cut into
slabs. What the model does not say, blur and clipping, is measured as the classical engine does.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from engines import aggregate, description, sampled, severity, verdict
from engines.base import (
    BoolArray,
    EngineError,
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
from engines.medq_uni.graphs import Graphs, OnnxGraphs, Seen
from engines.medq_uni.plausible import Evidence
from engines.medq_uni.series import SliceWords
from engines.medq_uni.viewing import View
from engines.medq_uni.weights_file import Weights
from engines.parameters import constants_of

VERSION = "1.0.0"
"""Changes with the method; weights have a version of their own."""
PARAMETERS = (
    description, aggregate, sampled, severity, verdict, measure, noise, sharpness,
    levels, look, mending, plausible, sampling, series, signs, spoken, tokens, viewing,
)  # fmt: skip
"""Modules whose constants may change a result."""
MEASURED = (Degradation.BLUR, Degradation.CLIPPING)
"""What the model does not say."""

Shown = tuple[View, Evidence]
"""A slice as the model is shown it, and what can be held against its words."""


class MedQUniEngine:
    """Words and restoration by the trained model; see ``engines.base.Engine``.

    ``folder`` holds the weights, by default what ``MEDQ_UNI_WEIGHTS`` names or those beside the
    code. ``steered`` False gives the experts the words' gate and number alone, without what the
    restoration tokens read from image and words: to measure what that is worth.

    Raises:
        EngineError: the weights are missing, damaged or not this code's.
    """

    name = "medq-uni"
    restorable = RESTORING

    def __init__(
        self,
        folder: Path | None = None,
        *,
        steered: bool = True,
        threads: int | None = None,
        runtime: Graphs | None = None,
    ) -> None:
        self.weights: Weights = weights_file.read_weights(folder or weights_file.default_folder())
        self._graphs: Graphs = runtime or OnnxGraphs(self.weights, threads)
        self._steered = steered

    @property
    def version(self) -> str:
        """Version of the method and of the weights."""
        return f"{VERSION}, weights {self.weights.version}"

    @property
    def digest(self) -> str:
        """SHA-256 (hex) over weights, version, parameters, runtime and precision."""
        what = {
            "version": VERSION,
            "weights": self.weights.digest,
            "runtime": self._graphs.runtime,
            "steered": str(self._steered),
            **constants_of(PARAMETERS),
        }
        return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()

    def without_steering(self) -> MedQUniEngine:
        """The same engine with every ``c_k`` zero."""
        return MedQUniEngine(self.weights.folder, steered=False, runtime=self._graphs)

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
        for batch in sampled.slices_of(stack, sampling.batch_for(info)):
            shown: dict[int, Shown] = {}
            for index, values, valid in batch:
                found = _measured(values, valid, info, index)
                if found is None:
                    continue
                measured[index], sigma = found
                view = viewing.view_of(values, valid, info)
                if view is not None:
                    shown[index] = view, _evidence(view, info, sigma)
            if shown:
                said += self._say(shown, info)[0]
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
        for k in range(len(restored)):
            restored[k] = self._restored(
                slab.values[k], slab.valid[k], info, description, slab.first + k
            )
        return restored

    def _say(self, shown: Mapping[int, Shown], info: StackInfo) -> tuple[list[SliceWords], Seen]:
        """What the model says of slices of one size, and what it saw."""
        scene = spoken.Scene(info.modality, info.region, series.pixel_mm_of(info))
        looks = [view.look for view, _ in shown.values()]
        seen = self._graphs.look(
            np.stack([look.padded(one.image) for one in looks])[:, None],
            np.stack([one.spectrum for one in looks]),
            np.stack([one.facts for one in looks]),
        )
        temperature = self.weights.calibration[info.modality].temperature
        said = spoken.say(
            lambda so_far: self._graphs.say(so_far, seen)[:, -1], scene, len(looks), temperature
        )
        return [
            plausible.words_of(index, one, evidence, scene)
            for (index, (_, evidence)), one in zip(shown.items(), said, strict=True)
        ], seen

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
        values: FloatArray,
        valid: BoolArray,
        info: StackInfo,
        description: QualityDescription,
        index: int,
    ) -> FloatArray:
        """One slice (rows, columns) in its unit; ``index`` is its 0-based place in the stack."""
        view = viewing.view_of(values, valid, info)
        if view is None:
            return values
        evidence = _evidence(view, info)
        said, seen = self._say({index: (view, evidence)}, info)
        own = said[0].findings
        words = plausible.obeyed(series.words_of_slice(description, own, index + 1), evidence)
        gates = levels.gates_of(words, self.weights.gates)
        if not any(gates):
            return values
        steered = self._graphs.steer(np.array([tokens.encode(words)[0]], np.int64), seen)[0]
        if not self._steered:
            steered = np.zeros_like(steered)
        pixel_mm = series.pixel_mm_of(info)
        orders = [
            mending.Order(kind, gate, amount, c)
            for kind, gate, c in zip(levels.EXPERTS, gates, steered, strict=True)
            if gate > 0
            and (amount := series.number_for(words, own.get(kind), kind, pixel_mm)) is not None
        ]
        change = mending.change_of(self._graphs, view.image, view.look, orders)
        usable = valid & np.isfinite(values)
        return mending.kept_sane(values, change * np.float32(view.look.scale), usable, info)


def _evidence(view: View, info: StackInfo, sigma: float | None = None) -> Evidence:
    values = view.image * np.float32(view.look.scale)
    return Evidence(values, view.usable, info, sigma)


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

"""The words around the figures of ``docs/ct_noise.md``."""

from __future__ import annotations

from engines.medq_uni.yardstick.table import Table

OPENING = """# How real is simulated CT noise, and how clean are clean images?

An engine that learns from simulated noise is as good as that noise is like a scanner's. Here both
are measured with one ruler. Everything is written by `python benchmarks/ct_noise.py --data FOLDER
-o docs`; FOLDER holds one folder of DICOM files per group.

![Spectra, directions and variance maps, real beside simulated](ct-noise.png)

*One series per row, its flattest slice. Maps show the local sigma in flat soft tissue only.
Measured on images of The Cancer Imaging Archive, collections Lung-PET-CT-Dx (CC BY 4.0) and
TCGA-LUAD / TCGA-LUSC (CC BY 3.0).*
"""

HOW = """## How it was done

- The object is what the same raw data gave with a smooth kernel, smoothed further (1 mm), or where
  there is no such twin the image itself, smoothed more (2.5 mm).
- It is projected, photons are counted, and the noise reconstructed
  (`engines/medq_uni/degradations/ct/low_dose.py`, everything but kernel and photons as it comes).
- One kernel per series, three parameters, is fitted to the radial spectrum of flat soft tissue, and
  the number of photons of every slice to its local sigma. Nothing else is fitted: directions,
  places and the twins below are free to be wrong.
- A spectrum is that of regions of 20 mm less their planes, in HU^2 mm^2, with the variance as its
  integral (`engines/medq_uni/yardstick/physicist/nps.py`). Regions are chosen on a smoothed image.
"""

SPECTRA = """Three parameters were fitted to each of these spectra, so that their nearness says that
the family of kernels suffices, no more; the twins below say that it means something. The sharp
kernels (L, B70f, B60f) reach half height beyond the last frequency that their pixels show (5.9, 7.7
and 7.6 lp/cm), so that what lies beyond is folded back, and how they end isn't told: their
steepness, up to the bound of 12, only says that they stay high until there. Kernels for training
must therefore reach from smooth (3 lp/cm) to nothing taken away, with boosts up to 1.2.
"""

TWINS = """Twins need no model: the noise is the same in both images, so that the ratio of the
kernels can be read off. From 2 lp/cm on the fits' quotient keeps within a fifth of it, though each
was fitted alone and with nothing but its own spectrum. At 1 lp/cm both images hold anatomy as well.
"""

DIFFERS = """## What differs

- **Directions are right in kind, not in degree.** Bodies are wider than deep, so that rays from
  side to side are the noisiest and power points down the columns, in real and simulated noise. But
  in three of five series the strongest sector is the next one, 22 degrees away, and in A0001 and
  B60f more than a tenth of the power is misplaced. A helical scan builds a slice of unequally
  weighted views, which would turn it so; ours weights them equally. In the B60f series part of the
  body lies outside the image and so isn't projected.
- **Places are right, a little too much so.** Sigma falls from the middle outwards in both; the maps
  correlate by 0.5 to 0.6 where two simulations do by 0.8. But simulated noise varies more from the
  middle to the rim than real noise. The bow-tie filter was chosen here: one that takes more from
  the rim (0.95 where it first was 0.8) brings the ratio nearer to a constant in every series, so
  for this one figure these series are no independent check.
- **The SOFT series is the worst**: a bolus-tracking scan at 40 mA, whose object is its own smoothed
  noise, and whose scanner may have smoothed the rays that few photons passed.
- **Chance is large**: three of the five series are one slice each.
- **Not tested**: correlation between slices, iterative reconstruction (its noise is of another
  kind), metal, arms beside the body, and doses at which hardly any photon arrives.
"""

OWN = """"Clean" is a word for low noise, not for none. The Global Noise Level, by which the words
speak, reads up to 6 % low with smooth kernels, and high where there is little soft tissue between
lungs and ribs (A0001, kernel L). Flat regions count anatomy in and are an upper bound; where both
are known the lower is taken for the source's noise. Differences of neighbours see about half of
what is there, since CT noise is correlated: **an estimator for white noise calls these images twice
as clean as they are** (`engines/medq_uni/degradations/ct/residual.py`).
"""

CEILING = """So PSNR against such truth has a ceiling, however good the engine: report it beside the
gain, and don't compare gains between sources of different noise. Where the truth is noisier than
what was added, a perfect restoration scores worse than doing nothing. Noise in the truth also
teaches: an engine trained on it learns to keep that noise, as far as it can tell it from the added.
"""


def document(
    spectra: Table,
    directions: Table,
    twins: Table,
    maps: Table,
    own: Table,
    ceiling: Table,
    left: list[str],
) -> str:
    """The whole document; ``left`` names the series that couldn't be compared."""
    missing = (
        f"Left out, for want of flat soft tissue of 20 mm: {', '.join(left)}.\n" if left else ""
    )
    parts = (
        OPENING, HOW, spectra.markdown(), missing, SPECTRA, twins.markdown(), TWINS,
        directions.markdown(), maps.markdown(), DIFFERS, own.markdown(), OWN, ceiling.markdown(),
        CEILING,
    )  # fmt: skip
    return "\n".join(part for part in parts if part)

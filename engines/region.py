"""From DICOM's words for body parts to the closed vocabulary of regions.

Sources: Body Part Examined (0018,0015) with the terms of PS3.16 Annex L, and what people write
into Series, Study and Protocol descriptions (English, with the German and French words that
scanners are often set to).
"""

from __future__ import annotations

import re

_WORDS: dict[str, str] = {
    "head": "head skull brain cranium neuro cerebrum orbit orbits sinus sinuses face facial "
    "maxilla mandible jaw temporal iac pituitary sella headneck kopf schaedel hirn tete "
    "cerveau crane ear eye zygoma mprage",
    "neck": "neck carotid carotids thyroid larynx pharynx neckchest neckchestabdomen "
    "neckchestabdpelv hals cou cervical",
    "chest": "chest thorax thoracic lung lungs pulmonary heart cardiac coronary sternum rib ribs "
    "mediastinum chestabdomen ch lunge herz poumon clavicle",
    "abdomen": "abdomen abdominal abd ab liver kidney kidneys renal pancreas spleen stomach "
    "colon bowel adrenal gallbladder biliary mrcp urogram abdomenpelvis abdpelv bauch leber "
    "niere foie rein",
    "pelvis": "pelvis pelvic pelv pel prostate uterus bladder rectum hip hips sacrum ovary "
    "becken bassin",
    "spine": "spine spinal cspine tspine lspine sspine ctspine tlspine lsspine lumbar vertebra "
    "wirbelsaeule rachis coccyx",
    "breast": "breast breasts mamma mammary sein",
    "arm": "arm forearm shoulder humerus elbow wrist hand finger thumb radius ulna scapula "
    "upperextremity schulter epaule",
    "leg": "leg legs thigh knee ankle foot feet toe femur tibia fibula calf lowerextremity "
    "lowerleg upperleg calcaneus knie genou",
    "whole body": "wholebody wb body cap chestabdpelvis trunk ganzkoerper",
}
_REGION_OF: dict[str, str] = {
    word: region for region, words in _WORDS.items() for word in words.split()
}
_PHRASES: tuple[tuple[str, str], ...] = (
    (r"whole\s*-?\s*body", "wholebody"),
    (r"\b([ctls]{1,2})[\s-]?spine\b", "spine"),
    (r"\b(cervical|thoracic|lumbar|sacral)[\s-]*spine\b", "spine"),
    (r"\blower\s+(extremity|limb)\b", "leg"),
    (r"\bupper\s+(extremity|limb)\b", "arm"),
)


def region_from_words(body_part: str | None, description: str | None) -> str:
    """The region that DICOM's words name: one of ``engines.description.REGIONS``.

    ``body_part`` (Body Part Examined) is asked first, ``description`` (Series Description or the
    like) where the former is empty or says nothing certain, as EXTREMITY. The first region named
    wins; three or more different ones mean ``whole body``. Nothing known means ``unknown``.
    """
    for text in (body_part, description):
        regions = _regions(text or "")
        if len(set(regions)) >= 3:
            return "whole body"
        if regions:
            return regions[0]
    return "unknown"


def _regions(text: str) -> list[str]:
    lowered = re.sub(r"([a-z])([A-Z])", r"\1 \2", text).lower().replace("_", " ")
    for pattern, word in _PHRASES:
        lowered = re.sub(pattern, word, lowered)
    return [_REGION_OF[w] for w in re.findall(r"[a-z]+", lowered) if w in _REGION_OF]

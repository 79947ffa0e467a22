"""What the guide for agencies tells to do works as it stands there."""

import re

import guide
from demo import ROOT, Demo

GUIDE = ROOT / "docs/agency/first-lookup.md"
# Whoever works with the audit trail meets more reasons.
AUDIT_GUIDE = ROOT / "docs/security/audit-service.md"
# And so does who shows what others signed, who cares for what uses leave behind, and who collects
# dossiers, corrects what was found to be wrong, or counts.
MORE = [
    ROOT / "docs/agency/backing.md",
    ROOT / "docs/owner/reviews.md",
    ROOT / "docs/once/collect.md",
    ROOT / "docs/owner/corrections.md",
    ROOT / "docs/once/report.md",
]
SENTENCES = ROOT / "crates/gateway/src/lookup/sentence.rs"


def test_every_command_of_the_guide_works_as_written(demo: Demo) -> None:
    printed = guide.run(GUIDE, demo)
    assert len(guide.blocks(GUIDE)) > 10
    assert "reason: FIELD_NOT_GRANTED" in printed
    assert "The receipt is good" in printed
    assert demo.samples["person"] in printed


def test_the_guides_explain_every_reason_that_a_caller_can_meet() -> None:
    met = set(re.findall(r'^\s+"([A-Z_]+)" =>', SENTENCES.read_text(), re.MULTILINE))
    explained: set[str] = set()
    for one in (GUIDE, AUDIT_GUIDE, *MORE):
        reasons = guide.reasons(one)
        assert len(reasons) == len(set(reasons)), one
        explained.update(reasons)
    assert met
    assert explained == met

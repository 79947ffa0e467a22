"""What is left to do after a dossier, and its figures: the guides for owners and for those who
follow the reform, as they stand."""

import guide
from demo import ROOT, Demo


def test_the_guide_for_corrections_does_what_it_says(demo: Demo) -> None:
    # The demo has played a dossier in which something differed.
    printed = guide.run(ROOT / "docs/owner/corrections.md", demo)
    assert "GROUND_OUTCOME_MISMATCH" in printed


def test_the_guide_for_the_report_does_what_it_says(demo: Demo) -> None:
    printed = guide.run(ROOT / "docs/once/report.md", demo)
    assert '"documentsNotBrought"' in printed
    assert '"dataset": "civil_status"' in printed

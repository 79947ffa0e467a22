"""Once-only, beside Python's own reader of the law's tables and a reading of wordings by key words."""

import csv
import json
import subprocess
import unicodedata
from collections import Counter
from typing import Any

import pytest

from demo import BINARY, ROOT

PROCEDURES = ROOT / "deploy/catalog/procedures"

# What a wording names, where it has one of these words.
WORDS = {
    "identity_paper": ("căn cước", "chứng minh nhân dân", "chứng minh thư"),
    "residence_information": ("thông tin về cư trú",),
    "household_book": ("hộ khẩu",),
    "birth_certificate": ("khai sinh",),
    "marriage_certificate": ("kết hôn",),
    "divorce_record": ("ly hôn",),
    "marital_status_certificate": ("tình trạng hôn nhân",),
    "death_certificate": ("giấy chứng tử", "giấy khai tử", "trích lục khai tử"),
    "health_insurance_card": ("bảo hiểm y tế",),
    "social_insurance_book": ("bảo hiểm xã hội",),
    "driving_licence": ("giấy phép lái xe",),
    "enterprise_registration": (
        "đăng ký doanh nghiệp",
        "đăng ký kinh doanh",
        "chứng nhận doanh nghiệp",
    ),
    "branch_registration": ("chi nhánh",),
    "household_business_registration": ("hộ kinh doanh",),
    "cooperative_registration": ("hợp tác xã",),
    "vehicle_registration": ("đăng ký xe",),
    "land_certificate": ("sử dụng đất", "đất đai"),
    "criminal_record_certificate": ("lý lịch tư pháp",),
    "health_check_certificate": ("khám sức khỏe", "khám sức khoẻ"),
}

# A change of the holder's name is shown by an identity paper; the land is only what it is about.
ONLY_ABOUT = {("đổi tên, thay đổi thông tin của người sử dụng đất", "land_certificate")}


@pytest.fixture(scope="module")
def covered() -> dict[str, Any]:
    command = [BINARY, "once", "coverage", "--catalog", "deploy/catalog", "--json"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, timeout=60)
    found: dict[str, Any] = json.loads(ran.stdout)
    return found


def rows(name: str) -> list[dict[str, str]]:
    with (PROCEDURES / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def normal(wording: str) -> str:
    return " ".join(unicodedata.normalize("NFC", wording).lower().split())


def named(wording: str, databases: str) -> set[str]:
    text = normal(wording)
    found = {
        document
        for document, words in WORDS.items()
        if any(word in text for word in words)
        and not any(about in text and document == but for about, but in ONLY_ABOUT)
    }
    # Elsewhere a passport is only an alternative, which no database replaces.
    return found | ({"passport"} if "passport" in databases.split("|") else set())


# R80.
def test_the_totals_are_those_that_pythons_reader_counts(covered: dict[str, Any]) -> None:
    annex = rows("procedures_66_7_2025.csv")
    totals = covered["totals"]
    assert len(annex) == totals["rows"] == 798
    assert len({row["procedure_code"] for row in annex}) == totals["procedures"] == 765
    assert len({normal(row["replaced_document"]) for row in annex}) == totals["wordings"]
    sectors = Counter(row["sector"].strip() for row in annex)
    assert sectors == {name: of["rows"] for name, of in totals["sectors"].items()}
    databases = Counter(one for row in annex for one in row["database_ids"].split("|"))
    assert databases == {
        name: of["named"] for name, of in totals["databases"].items() if of["named"]
    }


# R80.
def test_every_row_comes_to_the_documents_that_its_wording_names(covered: dict[str, Any]) -> None:
    annex = [
        (row["replaced_document"], row["database_ids"]) for row in rows("procedures_66_7_2025.csv")
    ]
    article4 = [(row["document"], row["database_id"]) for row in rows("article4_66_7_2025.csv")]
    for found, (wording, databases) in zip(
        covered["annex"] + covered["article4"], annex + article4, strict=True
    ):
        documents = {document["document"] for document in found["documents"]}
        assert documents == named(wording, databases), wording
        assert found["partial"] == ("thay thế 1 phần" in normal(wording))
        held = {document["database"] for document in found["documents"]}
        assert set(found["held_only"]) == held - set(databases.split("|"))
        assert set(found["named_only"]) == set(databases.split("|")) - held

//! `once/`: what the law's wordings mean, where documents are held, when agencies work.

use std::path::Path;

use motlan_catalog::{Catalog, Source};

use crate::broken::is_told;
use crate::small::Small;

const CORPUS: &str = include_str!("once.txt");

const LAW: &str = "\
instrument = \"Nghị quyết\"
annex = \"Phụ lục\"
article = \"Điều 4\"
valid_from = 2026-01-01
valid_until = 2027-02-28

[notice]
online_working_hours = 8
paper_working_days = 1
";

const DATABASES: &str = "\
[[database]]
id = \"civil_status\"
title_vi = \"Hộ tịch\"
owner = \"G01\"
";

const DOCUMENTS: &str = "\
[[document]]
code = \"birth_certificate\"
title_vi = \"Giấy khai sinh\"
title_en = \"Birth certificate\"
not_published = \"civil_status\"

[[document]]
code = \"death_certificate\"
title_vi = \"Giấy chứng tử\"
title_en = \"Death certificate\"
dataset = \"people\"
method = \"GetPerson\"
view = \"names\"
";

const WORDINGS: &str = "\
[[meaning]]
documents = [\"birth_certificate\"]
wordings = [
    \"Giấy khai sinh\",
    \"giấy kết hôn, giấy khai sinh\",
]

[[meaning]]
documents = [\"death_certificate\"]
partial = true
wordings = [\"Giấy chứng tử\"]
";

const HOLIDAYS: &str = "\
[hours]
days = [\"mon\", \"fri\"]
spans = [\"07:30-11:30\", \"13:00-17:00\"]
source = \"Quyết định\"
checked = true

[[year]]
year = 2026

[[year.off]]
day = 2026-01-02
name = \"Tết\"
source = \"Bộ luật\"

[[year.working]]
day = 2026-01-03
name = \"Làm bù\"
source = \"Thông báo\"
";

const CODES: &str = "\
code3,province_before_2025_07
001,Hà Nội
002,Hà Giang
";

fn small() -> Small {
    let small = Small::new();
    small.write("once/law.toml", LAW);
    small.write("once/databases.toml", DATABASES);
    small.write("once/documents.toml", DOCUMENTS);
    small.write("once/wordings.toml", WORDINGS);
    small.write("once/holidays.toml", HOLIDAYS);
    small.write("once/personal_id_codes.csv", CODES);
    small.write("once/README.md", "any text");
    small
}

// R80: no row is dropped in silence, and none is read in two ways.
#[test]
fn what_is_wrong_with_once_only_is_told_with_file_line_and_remedy() {
    is_told(CORPUS, 36, small);
}

#[test]
fn rows_mean_what_their_wording_means_however_it_is_spaced_and_cased() {
    let catalog = small().catalog();
    let once = catalog.once().unwrap();
    assert!(once.law.is_in_force("2027-02-28".parse().unwrap()));
    assert!(!once.law.is_in_force("2027-03-01".parse().unwrap()));
    assert!(once.law.personal_id_codes.iter().eq(["001", "002"]));
    let procedure = catalog.procedure(&"1.004222".parse().unwrap()).unwrap();
    let codes: Vec<&str> = procedure
        .rows
        .iter()
        .flat_map(|row| &row.meaning.as_ref().unwrap().documents)
        .map(|document| document.code.as_str())
        .collect();
    assert_eq!(codes, ["birth_certificate", "birth_certificate"]);
    let death = once.meaning("GIẤY  chứng tử").unwrap();
    assert!(death.partial);
    let Source::Held(held) = &death.documents[0].source else {
        panic!("{death:?}");
    };
    assert!(!held.is_published("2025-12-31".parse().unwrap()));
    assert!(held.is_published("2026-01-01".parse().unwrap()));
}

#[test]
fn a_day_is_as_its_day_of_the_week_unless_its_year_says_otherwise() {
    let catalog = small().catalog();
    let calendar = &catalog.once().unwrap().calendar;
    let works = |day: &str| calendar.is_working_day(day.parse().unwrap());
    // A Friday off, the Saturday after it worked; a Friday, a Thursday and a Monday as usual.
    assert_eq!(works("2026-01-02"), Some(false));
    assert_eq!(works("2026-01-03"), Some(true));
    assert_eq!(works("2026-01-09"), Some(true));
    assert_eq!(works("2026-01-08"), Some(false));
    assert_eq!(works("2026-01-05"), Some(true));
    assert_eq!(works("2027-01-04"), None);
}

#[test]
fn a_catalogue_without_once_is_whole_and_its_rows_mean_nothing() {
    let catalog = Small::new().catalog();
    assert!(catalog.once().is_none());
    let mut rows = catalog.procedures().flat_map(|procedure| &procedure.rows);
    assert!(rows.all(|row| row.meaning.is_none()));
}

// R80.
#[test]
fn every_row_of_the_law_has_a_meaning_in_the_reference_catalogue() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/catalog");
    let catalog = Catalog::load(&folder).unwrap_or_else(|faults| panic!("{faults}"));
    let rows = catalog.procedures().flat_map(|procedure| &procedure.rows);
    let named = |meaning: &Option<std::sync::Arc<motlan_catalog::Meaning>>| {
        meaning
            .as_ref()
            .is_some_and(|meaning| !meaning.documents.is_empty())
    };
    assert_eq!(rows.filter(|row| named(&row.meaning)).count(), 798);
    let replaced = catalog.replaced_documents().iter();
    assert_eq!(replaced.filter(|row| named(&row.meaning)).count(), 16);
    // The 63 provinces before July 2025.
    let codes = &catalog.once().unwrap().law.personal_id_codes;
    assert_eq!(codes.len(), 63);
    assert!(codes.contains("001") && codes.contains("096") && !codes.contains("003"));
}

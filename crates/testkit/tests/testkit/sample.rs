use std::collections::HashSet;

use motlan_testkit::Sample;
use motlan_testkit::contracts::common::v1::{Address, Sex};
use motlan_testkit::contracts::population::v1::{LifeStatus, Person};
use motlan_testkit::sample::ids::{enterprise_code, is_enterprise_code, is_personal_id};
use motlan_testkit::sample::{Random, SECRET_NOTE};
use prost::Message;

use crate::stage::{GET_PERSON, LIST_HOUSEHOLD, SAMPLE, held};

fn person(id: &str) -> &'static Person {
    SAMPLE
        .people
        .iter()
        .find(|person| person.personal_id == id)
        .unwrap()
}

#[test]
fn the_same_seed_gives_the_same_bytes_and_another_seed_gives_others() {
    let one = Sample::from_seed(11).unwrap();
    assert_eq!(one.held(), Sample::from_seed(11).unwrap().held());
    assert_eq!(one.roles, Sample::from_seed(11).unwrap().roles);
    assert_ne!(one.held(), Sample::from_seed(12).unwrap().held());
}

#[test]
fn the_generator_is_splitmix64() {
    // The first numbers for the seed 0, as everywhere published for this generator.
    let mut random = Random::new(0);
    let drawn = [random.draw(), random.draw(), random.draw()];
    assert_eq!(
        drawn,
        [
            0xE220_A839_7B1D_CDAF,
            0x6E78_9E6A_A1B9_65F4,
            0x06C4_5D18_8009_454F
        ]
    );
}

#[test]
fn every_personal_id_says_province_century_sex_and_year_and_is_borne_once() {
    let mut borne = HashSet::new();
    for person in &SAMPLE.people {
        let id = person.personal_id.as_str();
        assert!(is_personal_id(id), "{id}");
        let year = person.date_of_birth.unwrap().year;
        let female = u32::from(person.sex() == Sex::Female);
        let century = (year / 100 - 19) * 2 + female;
        assert_eq!(id[3..4], century.to_string());
        assert_eq!(id[4..6], format!("{:02}", year % 100));
        assert!(borne.insert(id), "{id}");
    }
    assert!(borne.len() > 100);
    assert!(!borne.contains(SAMPLE.roles.unknown_person.as_str()));
    assert!(is_personal_id(&SAMPLE.roles.unknown_person));
    for wrong in [
        "",
        "00119000000",
        "0011900000000",
        "003190000000",
        "00119000000x",
        "١٢٣",
    ] {
        assert!(!is_personal_id(wrong), "{wrong}");
    }
}

#[test]
fn every_enterprise_code_has_the_right_check_digit() {
    // 1·31 + 2·29 + … + 9·3 = 513 = 46·11 + 7, and 10 − 7 = 3.
    assert_eq!(enterprise_code(123_456_789).as_deref(), Some("1234567893"));
    assert!(is_enterprise_code("1234567893-001"));
    for wrong in [
        "1234567890",
        "1234567893-000",
        "1234567893-1",
        "123456789",
        "12345678933",
        "",
    ] {
        assert!(!is_enterprise_code(wrong), "{wrong}");
    }
    for enterprise in &SAMPLE.enterprises {
        assert!(is_enterprise_code(&enterprise.enterprise_code));
    }
    assert!(is_enterprise_code(&SAMPLE.roles.unknown_enterprise));
    // About one number in eleven was never issued.
    let issued = (0..11_000).filter_map(enterprise_code).count();
    assert!((9_900..10_100).contains(&issued), "{issued}");
}

#[test]
fn a_full_record_takes_about_600_bytes() {
    let bytes = person(&SAMPLE.roles.person).encoded_len();
    assert!((500..=750).contains(&bytes), "{bytes}");
}

#[test]
fn every_address_names_a_real_commune_and_its_province() {
    let communes = include_str!("../../data/communes.csv");
    let real: HashSet<(&str, &str, &str)> = communes
        .lines()
        .skip(1)
        .map(|line| {
            let cells: Vec<&str> = line.split(',').collect();
            (cells[0], cells[2], cells[6])
        })
        .collect();
    assert_eq!(real.len(), 3_321);
    let is_real = |one: &Address| {
        real.contains(&(
            &one.commune_code,
            &one.commune_name,
            one.province_code.as_str(),
        ))
    };
    for person in &SAMPLE.people {
        assert!(is_real(person.permanent_residence.as_ref().unwrap()));
        assert!(is_real(person.current_address.as_ref().unwrap()));
    }
    assert!(
        SAMPLE
            .parcels
            .iter()
            .all(|parcel| is_real(parcel.address.as_ref().unwrap()))
    );
}

#[test]
fn the_first_family_has_every_record_that_the_demo_asks_for() {
    let roles = &SAMPLE.roles;
    let head = person(&roles.person);
    assert_eq!(
        head.permanent_residence.as_ref().unwrap().province_name,
        "Thành phố Hà Nội"
    );
    assert!(
        head.relatives
            .iter()
            .any(|relative| relative.personal_id == roles.child)
    );
    assert_eq!(person(&roles.deceased).life_status(), LifeStatus::Deceased);
    assert_eq!(person(&roles.deceased).date_of_birth.unwrap().month, 0);
    let civil = "/vn.civil_status.v1.CivilStatusRegistry";
    let land = "/vn.land.v1.LandRegistry";
    let business = "/vn.business.v1.BusinessRegistry";
    for (path, subject, messages) in [
        (GET_PERSON.to_owned(), &roles.person, 1),
        (GET_PERSON.to_owned(), &roles.deceased, 1),
        (LIST_HOUSEHOLD.to_owned(), &roles.spouse, 5),
        (format!("{civil}/GetBirth"), &roles.child, 1),
        (format!("{civil}/GetDeath"), &roles.deceased, 1),
        (format!("{civil}/GetMarriage"), &roles.person, 1),
        (format!("{civil}/GetMarriage"), &roles.spouse, 1),
        (format!("{civil}/GetMaritalStatus"), &roles.child, 1),
        (format!("{business}/GetEnterprise"), &roles.enterprise, 1),
        (
            format!("{business}/ListEnterprisesOfRepresentative"),
            &roles.person,
            2,
        ),
        (format!("{land}/GetParcel"), &roles.certificate, 1),
        (format!("{land}/ListParcelsOfHolder"), &roles.spouse, 2),
    ] {
        assert_eq!(held(&path, subject).len(), messages, "{path}");
    }
}

#[test]
fn every_answer_that_can_holds_the_secret_note() {
    let note = SECRET_NOTE.as_bytes();
    for one in SAMPLE.held() {
        let expected = !one.path.ends_with("/GetMaritalStatus");
        for message in &one.messages {
            let found = message.windows(note.len()).any(|part| part == note);
            assert_eq!(found, expected, "{}", one.path);
        }
    }
}

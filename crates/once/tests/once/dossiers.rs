//! Codes of dossiers, by a table.

use motlan_once::{DOSSIER_BYTES_MAX, DossierFault, dossier_code};

// R99.
#[test]
fn a_code_names_an_agency_a_day_of_the_calendar_and_a_number() {
    for code in [
        "000.A0.01.H26-210212-9090",
        "000.00.00.G18-260302-0001",
        "H26-260302-1",
        "G18.01.02-240229-0123456789",
        "H26.12.34.56-991231-7",
    ] {
        assert_eq!(dossier_code(code), Ok(()), "{code}");
    }
    for (code, fault) in [
        ("", DossierFault::Shape),
        ("H26", DossierFault::Shape),
        ("H26-260302", DossierFault::Shape),
        ("H26-260302-0001-2", DossierFault::Shape),
        (
            "H26.12.34.56-260302-01234567890123456789",
            DossierFault::Shape,
        ),
        ("-260302-1", DossierFault::Agency),
        ("h26-260302-1", DossierFault::Agency),
        (" H26-260302-1", DossierFault::Agency),
        ("H2-260302-1", DossierFault::Agency),
        ("H26.1-260302-1", DossierFault::Agency),
        ("A0.01.H26-260302-1", DossierFault::Agency),
        ("000.A0.01.00.H26-260302-1", DossierFault::Agency),
        ("000.a0.01.H26-260302-1", DossierFault::Agency),
        ("00.A0.01.H26-260302-1", DossierFault::Agency),
        ("000.A0.01.H26.01-260302-1", DossierFault::Agency),
        ("H26-260229-1", DossierFault::Day),
        ("H26-261301-1", DossierFault::Day),
        ("H26-260400-1", DossierFault::Day),
        ("H26-26030-1", DossierFault::Day),
        ("H26-2603021-1", DossierFault::Day),
        ("H26-+60302-1", DossierFault::Day),
        ("H26-26é02-1", DossierFault::Day),
        ("H26-260302-", DossierFault::Sequence),
        ("H26-260302-12a", DossierFault::Sequence),
        ("H26-260302-٣", DossierFault::Sequence),
        ("H26-260302-01234567890", DossierFault::Sequence),
        ("H26-260302-1 ", DossierFault::Sequence),
    ] {
        assert_eq!(dossier_code(code), Err(fault), "{code}");
        let told = fault.to_string();
        assert!(code.len() < 6 || !told.contains(code), "{told}");
    }
    assert!("000.A0.01.H26-210212-0123456789".len() <= DOSSIER_BYTES_MAX);
}

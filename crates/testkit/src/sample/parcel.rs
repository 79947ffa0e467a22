//! Land.

use super::family::Family;
use super::{Maker, SAMPLE_YEAR, SECRET_NOTE, SampleError};
use crate::contracts::common::v1::{Address, Date};
use crate::contracts::land::v1::{Asset, Holder, Mortgage, Parcel, Purpose, UseForm};

/// The year by which land held for a term falls back.
const TERM_END: u32 = 2063;

/// A parcel that the head of the family and his wife hold, in the province where they live.
pub(super) fn make(maker: &mut Maker, family: &Family) -> Result<Parcel, SampleError> {
    let certificate_no = maker.certificate_no();
    let random = &mut maker.random;
    let address = maker.places.address(random, &family.home.province_code)?;
    let area_dm2 = u64::from(random.between(4_000, 60_000));
    let house_dm2 = area_dm2.min(u64::from(random.between(4_000, 20_000)));
    let mortgages = if random.chance(20) {
        let registered_on = Some(Date {
            year: SAMPLE_YEAR,
            month: 3,
            day: random.between(1, 28),
        });
        vec![Mortgage {
            mortgagee: "Ngân hàng mẫu".to_owned(),
            registered_on,
        }]
    } else {
        Vec::new()
    };
    let holder = |person: &crate::contracts::population::v1::Person| Holder {
        full_name: person.full_name.clone(),
        personal_id: person.personal_id.clone(),
        enterprise_code: String::new(),
        contact_address: person.current_address.clone(),
    };
    Ok(Parcel {
        certificate_no,
        issued_on: Some(Date {
            year: random.between(2010, SAMPLE_YEAR),
            month: random.between(1, 12),
            day: random.between(1, 28),
        }),
        issued_by: format!("Sở Nông nghiệp và Môi trường {}", address.province_name),
        commune_code: address.commune_code.clone(),
        sheet_no: random.between(1, 120),
        parcel_no: random.between(1, 900),
        area_dm2,
        legal_area_dm2: area_dm2,
        purposes: purposes(&address, area_dm2, house_dm2),
        use_form: UseForm::Shared.into(),
        origin: "Nhận chuyển nhượng đất được công nhận quyền sử dụng đất".to_owned(),
        in_dispute: random.chance(5),
        mortgages,
        assets: vec![Asset {
            name: "Nhà ở riêng lẻ".to_owned(),
            floor_area_dm2: house_dm2 * u64::from(random.between(1, 4)),
        }],
        holders: vec![holder(&family.head), holder(&family.wife)],
        office_note: SECRET_NOTE.to_owned(),
        address: Some(address),
    })
}

/// Land for living for good, and what is left for perennial crops until the term ends.
fn purposes(address: &Address, area_dm2: u64, house_dm2: u64) -> Vec<Purpose> {
    let (code, name) = if address.commune_name.starts_with("Phường") {
        ("ODT", "Đất ở tại đô thị")
    } else {
        ("ONT", "Đất ở tại nông thôn")
    };
    let purpose = |code: &str, name: &str, area_dm2, until| Purpose {
        code: code.to_owned(),
        name: name.to_owned(),
        area_dm2,
        until,
    };
    let mut purposes = vec![purpose(code, name, house_dm2, None)];
    if area_dm2 > house_dm2 {
        let until = Some(Date {
            year: TERM_END,
            month: 10,
            day: 15,
        });
        purposes.push(purpose(
            "CLN",
            "Đất trồng cây lâu năm",
            area_dm2 - house_dm2,
            until,
        ));
    }
    purposes
}

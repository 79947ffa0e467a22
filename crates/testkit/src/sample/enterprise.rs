//! Enterprises.

use super::{Maker, SAMPLE_YEAR, SECRET_NOTE, SampleError, names};
use crate::contracts::business::v1::{
    BusinessLine, Enterprise, EnterpriseForm, EnterpriseStatus, Representative,
};
use crate::contracts::common::v1::Date;
use crate::contracts::population::v1::Person;

const LINES: [(&str, &str); 6] = [
    ("4101", "Xây dựng nhà để ở"),
    ("4933", "Vận tải hàng hóa bằng đường bộ"),
    ("5610", "Nhà hàng và các dịch vụ ăn uống phục vụ lưu động"),
    ("6201", "Lập trình máy vi tính"),
    ("1010", "Chế biến, bảo quản thịt và các sản phẩm từ thịt"),
    (
        "4711",
        "Bán lẻ lương thực, thực phẩm trong các cửa hàng kinh doanh tổng hợp",
    ),
];
/// Charter capital is drawn in steps of 100 million đồng.
const CAPITAL_STEP_VND: u64 = 100_000_000;

/// An enterprise that `person` represents, in the province where that person lives.
pub(super) fn make(maker: &mut Maker, person: &Person) -> Result<Enterprise, SampleError> {
    let enterprise_code = maker.enterprise_code();
    let province = person
        .permanent_residence
        .as_ref()
        .map(|home| home.province_code.as_str());
    let head_office = maker
        .places
        .address(&mut maker.random, province.unwrap_or_default())?;
    let random = &mut maker.random;
    let (name, plain) = names::firm(random);
    let joint_stock = random.chance(30);
    let (form, vi, en) = if joint_stock {
        (
            EnterpriseForm::JointStock,
            "Công ty cổ phần",
            "Joint Stock Company",
        )
    } else {
        (
            EnterpriseForm::SingleMemberLlc,
            "Công ty TNHH một thành viên",
            "Company Limited",
        )
    };
    let registered = random.between(2008, SAMPLE_YEAR - 1);
    let changes = random.between(0, 3);
    let changed_on = (changes > 0).then(|| Date {
        year: random.between(registered + 1, SAMPLE_YEAR),
        month: random.between(1, 12),
        day: random.between(1, 28),
    });
    let status = if random.chance(90) {
        EnterpriseStatus::Active
    } else {
        EnterpriseStatus::Suspended
    };
    Ok(Enterprise {
        enterprise_code,
        name: format!("{vi} {name}"),
        foreign_name: format!("{plain} {en}"),
        short_name: plain.to_uppercase(),
        form: form.into(),
        status: status.into(),
        registered_on: Some(Date {
            year: registered,
            month: random.between(1, 12),
            day: random.between(1, 28),
        }),
        changed_on,
        change_count: changes,
        head_office: Some(head_office),
        charter_capital_vnd: u64::from(random.between(5, 500)) * CAPITAL_STEP_VND,
        business_lines: lines(maker),
        representatives: vec![Representative {
            full_name: person.full_name.clone(),
            position: "Giám đốc".to_owned(),
            personal_id: person.personal_id.clone(),
            date_of_birth: person.date_of_birth,
            contact_address: person.current_address.clone(),
        }],
        risk_note: SECRET_NOTE.to_owned(),
    })
}

/// Two or three lines, the main one first, none twice.
fn lines(maker: &mut Maker) -> Vec<BusinessLine> {
    let count = usize::from(maker.random.chance(50)) + 2;
    let start = maker.random.between(0, 5) as usize;
    let turning = LINES.iter().cycle().skip(start).take(count).enumerate();
    turning
        .map(|(order, (code, name))| BusinessLine {
            code: (*code).to_owned(),
            name: (*name).to_owned(),
            main: order == 0,
        })
        .collect()
}

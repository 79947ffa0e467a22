//! Names, composed from lists of common words.

use super::Random;

const FAMILY: [&str; 18] = [
    "Nguyễn", "Trần", "Lê", "Phạm", "Hoàng", "Huỳnh", "Phan", "Vũ", "Võ", "Đặng", "Bùi", "Đỗ",
    "Hồ", "Ngô", "Dương", "Lý", "Trịnh", "Đinh",
];
const MIDDLE_MALE: [&str; 10] = [
    "Văn", "Hữu", "Đức", "Minh", "Quang", "Xuân", "Công", "Đình", "Thành", "Ngọc",
];
const MIDDLE_FEMALE: [&str; 9] = [
    "Thị", "Ngọc", "Thu", "Thanh", "Kim", "Mai", "Phương", "Hồng", "Khánh",
];
const GIVEN_MALE: [&str; 18] = [
    "An", "Bình", "Cường", "Dũng", "Đạt", "Hải", "Hùng", "Huy", "Khoa", "Long", "Nam", "Phong",
    "Quân", "Sơn", "Thắng", "Toàn", "Tuấn", "Việt",
];
const GIVEN_FEMALE: [&str; 17] = [
    "Anh", "Chi", "Dung", "Giang", "Hà", "Hạnh", "Hoa", "Hương", "Lan", "Linh", "Mai", "Nga",
    "Nhung", "Oanh", "Thảo", "Trang", "Yến",
];
const STREETS: [&str; 12] = [
    "Hoa Sữa",
    "Bằng Lăng",
    "Phượng Vĩ",
    "Hoa Ban",
    "Sao Mai",
    "Bờ Suối",
    "Đồng Xanh",
    "Cây Gạo",
    "Bến Nước",
    "Rừng Thông",
    "Hoa Đào",
    "Cánh Diều",
];
/// The second word of an enterprise's name, with and without its marks.
const FIRMS: [(&str, &str); 10] = [
    ("An Phú", "An Phu"),
    ("Bình Minh", "Binh Minh"),
    ("Cửu Long", "Cuu Long"),
    ("Đại Phát", "Dai Phat"),
    ("Gia Hưng", "Gia Hung"),
    ("Hải Đăng", "Hai Dang"),
    ("Lam Sơn", "Lam Son"),
    ("Minh Khang", "Minh Khang"),
    ("Sông Xanh", "Song Xanh"),
    ("Thuận Hòa", "Thuan Hoa"),
];

/// A family name.
pub(super) fn family(random: &mut Random) -> &'static str {
    random.pick(&FAMILY)
}

/// A full name within a family.
pub(super) fn full(random: &mut Random, family: &str, male: bool) -> String {
    let (middle, given) = if male {
        (random.pick(&MIDDLE_MALE), random.pick(&GIVEN_MALE))
    } else {
        (random.pick(&MIDDLE_FEMALE), random.pick(&GIVEN_FEMALE))
    };
    format!("{family} {middle} {given}")
}

/// The line below the commune: a house in a street in town, a hamlet in the country.
pub(super) fn street(random: &mut Random, town: bool) -> String {
    if town {
        format!(
            "Số {}, đường {}",
            random.between(1, 240),
            random.pick(&STREETS)
        )
    } else {
        format!("Thôn {}", random.pick(&STREETS))
    }
}

/// An enterprise's own name, with and without its marks.
pub(super) fn firm(random: &mut Random) -> (&'static str, &'static str) {
    random.pick(&FIRMS)
}

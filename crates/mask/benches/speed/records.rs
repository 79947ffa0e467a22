//! The records that are measured: invented, from a seed, in the shape of two reference contracts.
//!
//! The structs are what a build script would make of the contracts, enums left as numbers.

/// Persons are this long, to the byte.
pub(crate) const PERSON_BYTES: usize = 600;
/// Parcels have this many holders, about 100 bytes each.
const HOLDERS: usize = 200;

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Date {
    #[prost(uint32, tag = "1")]
    year: u32,
    #[prost(uint32, tag = "2")]
    month: u32,
    #[prost(uint32, tag = "3")]
    day: u32,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Address {
    #[prost(string, tag = "1")]
    street: String,
    #[prost(string, tag = "2")]
    commune_code: String,
    #[prost(string, tag = "3")]
    commune_name: String,
    #[prost(string, tag = "4")]
    province_code: String,
    #[prost(string, tag = "5")]
    province_name: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Relative {
    #[prost(int32, tag = "1")]
    relation: i32,
    #[prost(string, tag = "2")]
    personal_id: String,
    #[prost(string, tag = "3")]
    full_name: String,
    #[prost(message, optional, tag = "4")]
    date_of_birth: Option<Date>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Person {
    #[prost(string, tag = "1")]
    personal_id: String,
    #[prost(string, tag = "2")]
    full_name: String,
    #[prost(message, optional, tag = "3")]
    date_of_birth: Option<Date>,
    #[prost(int32, tag = "4")]
    sex: i32,
    #[prost(string, tag = "5")]
    ethnicity: String,
    #[prost(string, tag = "6")]
    religion: String,
    #[prost(string, tag = "7")]
    nationality: String,
    #[prost(int32, tag = "8")]
    marital_status: i32,
    #[prost(int32, tag = "9")]
    life_status: i32,
    #[prost(message, optional, tag = "10")]
    permanent_residence: Option<Address>,
    #[prost(message, optional, tag = "11")]
    current_address: Option<Address>,
    #[prost(message, optional, tag = "12")]
    birth_registration_place: Option<Address>,
    #[prost(string, tag = "13")]
    old_id: String,
    #[prost(string, tag = "14")]
    household_code: String,
    #[prost(int32, tag = "15")]
    relation_to_head: i32,
    #[prost(message, repeated, tag = "20")]
    relatives: Vec<Relative>,
    #[prost(string, tag = "30")]
    working_note: String,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Purpose {
    #[prost(string, tag = "1")]
    code: String,
    #[prost(string, tag = "2")]
    name: String,
    #[prost(uint64, tag = "3")]
    area_dm2: u64,
    #[prost(message, optional, tag = "4")]
    until: Option<Date>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Holder {
    #[prost(string, tag = "1")]
    full_name: String,
    #[prost(string, tag = "2")]
    personal_id: String,
    #[prost(string, tag = "3")]
    enterprise_code: String,
    #[prost(message, optional, tag = "4")]
    contact_address: Option<Address>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Parcel {
    #[prost(string, tag = "1")]
    certificate_no: String,
    #[prost(message, optional, tag = "2")]
    issued_on: Option<Date>,
    #[prost(string, tag = "3")]
    issued_by: String,
    #[prost(string, tag = "4")]
    commune_code: String,
    #[prost(uint32, tag = "5")]
    sheet_no: u32,
    #[prost(uint32, tag = "6")]
    parcel_no: u32,
    #[prost(message, optional, tag = "7")]
    address: Option<Address>,
    #[prost(uint64, tag = "8")]
    area_dm2: u64,
    #[prost(uint64, tag = "9")]
    legal_area_dm2: u64,
    #[prost(message, repeated, tag = "10")]
    purposes: Vec<Purpose>,
    #[prost(int32, tag = "11")]
    use_form: i32,
    #[prost(string, tag = "12")]
    origin: String,
    #[prost(message, repeated, tag = "20")]
    holders: Vec<Holder>,
}

/// The same numbers in every run (splitmix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: u32) -> u32 {
        (self.next() % u64::from(end)) as u32
    }

    fn choose(&mut self, among: &[&str]) -> String {
        among[self.below(among.len() as u32) as usize].to_owned()
    }

    fn digits(&mut self, count: usize) -> String {
        (0..count)
            .map(|_| char::from(b'0' + self.below(10) as u8))
            .collect()
    }

    /// Empty in one case of `of`.
    fn mostly(&mut self, of: u32, text: String) -> String {
        if self.below(of) == 0 {
            String::new()
        } else {
            text
        }
    }

    fn name(&mut self) -> String {
        let family = self.choose(&["Nguyễn", "Trần", "Lê", "Phạm", "Hoàng", "Võ", "Đặng", "Bùi"]);
        let middle = self.choose(&["Thị Thanh", "Văn", "Đức", "Ngọc", "Minh", "Hồng"]);
        let given = self.choose(&[
            "Hương",
            "Tuấn",
            "Lan",
            "Dũng",
            "Phượng",
            "An",
            "Quỳnh",
            "Sơn",
        ]);
        format!("{family} {middle} {given}")
    }

    fn date(&mut self, from: u32) -> Option<Date> {
        let (year, month, day) = (
            from + self.below(40),
            1 + self.below(12),
            1 + self.below(28),
        );
        Some(Date { year, month, day })
    }

    fn address(&mut self, street: bool) -> Option<Address> {
        let house = 1 + self.below(300);
        let on = self.choose(&[
            "Trần Phú",
            "Lý Thường Kiệt",
            "Hai Bà Trưng",
            "Nguyễn Trãi",
            "Bà Triệu",
        ]);
        let commune = self.choose(&[
            "Phường Ba Đình",
            "Phường Tây Hồ",
            "Xã Đông Anh",
            "Phường Hải An",
        ]);
        let province = self.choose(&["Thành phố Hà Nội", "Tỉnh Lào Cai", "Thành phố Hải Phòng"]);
        Some(Address {
            street: if street {
                format!("Số {house} đường {on}")
            } else {
                String::new()
            },
            commune_code: self.digits(5),
            commune_name: commune,
            province_code: self.digits(2),
            province_name: province,
        })
    }

    fn relative(&mut self) -> Relative {
        Relative {
            relation: 2 + self.below(5) as i32,
            personal_id: self.digits(12),
            full_name: self.name(),
            date_of_birth: self.date(1940),
        }
    }

    fn holder(&mut self) -> Holder {
        let (company, street) = (self.below(10) == 0, self.below(5) == 0);
        let (personal, enterprise) = (self.digits(12), self.digits(10));
        Holder {
            full_name: self.name(),
            personal_id: if company { String::new() } else { personal },
            enterprise_code: if company { enterprise } else { String::new() },
            contact_address: self.address(street),
        }
    }
}

/// The person of this seed: of [`PERSON_BYTES`], which the working note fills up.
pub(crate) fn person(seed: u64) -> Person {
    let random = &mut Random(seed);
    let relatives = 2 + random.below(2);
    let mut person = Person {
        personal_id: random.digits(12),
        full_name: random.name(),
        date_of_birth: random.date(1960),
        sex: 1 + random.below(2) as i32,
        ethnicity: random.choose(&["Kinh", "Tày", "Mường"]),
        religion: random.choose(&["Không", "Phật giáo", "Công giáo"]),
        nationality: "VN".to_owned(),
        marital_status: 1 + random.below(4) as i32,
        life_status: 1,
        permanent_residence: random.address(true),
        current_address: random.address(true),
        birth_registration_place: random.address(false),
        old_id: String::new(),
        household_code: random.digits(9),
        relation_to_head: random.below(7) as i32,
        relatives: (0..relatives).map(|_| random.relative()).collect(),
        working_note: String::new(),
    };
    let old_id = random.digits(9);
    person.old_id = random.mostly(3, old_id);
    while prost::Message::encoded_len(&person) < PERSON_BYTES {
        person.working_note.push('.');
    }
    person
}

/// The parcel of this seed: about 20 KB, most of it holders.
pub(crate) fn parcel(seed: u64) -> Parcel {
    let random = &mut Random(seed);
    let purpose = Purpose {
        code: "ODT".to_owned(),
        name: "Đất ở tại đô thị".to_owned(),
        area_dm2: 125_000,
        until: random.date(2040),
    };
    Parcel {
        certificate_no: random.digits(9),
        issued_on: random.date(1990),
        issued_by: "Sở Nông nghiệp và Môi trường".to_owned(),
        commune_code: random.digits(5),
        sheet_no: 1 + random.below(90),
        parcel_no: 1 + random.below(400),
        address: random.address(true),
        area_dm2: 130_000,
        legal_area_dm2: 125_000,
        purposes: vec![purpose],
        use_form: 2,
        origin: "Nhà nước giao đất có thu tiền sử dụng đất".to_owned(),
        holders: (0..HOLDERS).map(|_| random.holder()).collect(),
    }
}

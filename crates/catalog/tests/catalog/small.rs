//! A small catalogue without a fault, to be changed and loaded.

use std::fs;
use std::path::{Path, PathBuf};

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _,
};
use base64::Engine as _;
use motlan_catalog::{Catalog, Faults};

pub(crate) const CATALOG: &str = "\
trust_domain = \"state.example\"
contracts = [\"contracts\"]
";

pub(crate) const AGENCIES: &str = "\
code,name_vi,status,checked,note
G01,Bộ Công an,current,yes,
G13,Bộ Tài nguyên và Môi trường (cũ),abolished_2025,no,nhập vào Bộ NN&MT
H26,UBND TP Hà Nội,current,yes,
H29,UBND TP Hồ Chí Minh,current,yes,
";

pub(crate) const PROCEDURES: &str = "\
sector,no,procedure_code,procedure_name,replaced_document,database_ids,database,database_owner,\
legal_instrument,article
BỘ CÔNG AN,1,1.004222,Đăng ký thường trú,Giấy khai sinh,people|civil_status,CSDL,\
Bộ Công an,Luật,Điều 1
BỘ CÔNG AN,2,1.004222,Đăng ký tạm trú,\"Giấy kết hôn,
giấy khai sinh\",people,CSDL,Bộ Công an,Luật,Điều 2
BỘ NỘI VỤ,3,1.014177,Hưởng trợ cấp mai táng,Giấy chứng tử,people,CSDL,Bộ Công an,Luật,Điều 3
";

pub(crate) const SYSTEMS: &str = "\
[[system]]
id = \"H26/one-stop\"
title_vi = \"Một cửa Hà Nội\"

[[system]]
id = \"H29/one-stop\"
title_vi = \"Một cửa TP Hồ Chí Minh\"
suspended = true
";

/// Systems that can do whatever terms of a grant may demand; not part of the small catalogue.
pub(crate) const HOLDERS: &str = "\
[[system]]
id = \"G01/protection\"
title_vi = \"Bảo vệ dữ liệu\"
roles = [\"data_protection\", \"consent\", \"citizen_view\"]

[[system]]
id = \"H26/approval\"
title_vi = \"Phê duyệt\"
roles = [\"approval\"]
";

pub(crate) const DATASET: &str = "\
id = \"people\"
contract = \"vn/people/v1/people.proto\"
service = \"vn.people.v1.People\"
";

pub(crate) const AGREEMENT: &str = "\
id = \"g01-h26\"
version = 3
title = \"Chia sẻ dân cư\"
provider = \"G01\"
consumer = \"H26\"
legal_basis = [\"Nghị quyết\"]
valid_from = 2026-01-01
valid_until = 2027-02-28

[[grant]]
id = \"names\"
dataset = \"people\"
view = \"names\"
methods = [\"GetPerson\", \"ListPeople\"]
procedures = [\"1.014177\", \"1.004222\"]
systems = [\"H26/one-stop\"]

[[test]]
name = \"allowed\"
system = \"H26/one-stop\"
method = \"people/GetPerson\"
procedure = \"1.004222\"
at = 2026-03-02T09:00:00
expect = \"allowed\"
fields = [\"born_on\", \"full_name\", \"home.city\", \"personal_id\", \"seen\"]

[[test]]
name = \"refused\"
system = \"H26/one-stop\"
method = \"people/GetPerson\"
procedure = \"1.004222\"
at = 2027-03-01T00:00:00
expect = \"AGREEMENT_NOT_IN_FORCE\"
";

pub(crate) const ENDPOINTS: &str = "\
[people]
addresses = [\"people.example:443\"]
server_name = \"people.example\"
";

pub(crate) const SHARED: &str = r#"syntax = "proto3";
package vn.shared.v1;
import "motlan/contract/v1/contract.proto";
message Date {
  uint32 year = 1 [(motlan.contract.v1.field) = { class: CLASS_PUBLIC }];
  uint32 month = 2 [(motlan.contract.v1.field) = { class: CLASS_PUBLIC }];
}
"#;

pub(crate) const CONTRACT: &str = r#"syntax = "proto3";
package vn.people.v1;
import "google/protobuf/any.proto";
import "google/protobuf/timestamp.proto";
import "motlan/contract/v1/contract.proto";
import "vn/shared/v1/date.proto";
service People {
  option (motlan.contract.v1.dataset) = {
    id: "people"
    owner: "G01"
    title_vi: "Dân cư"
    title_en: "People"
    legal_basis: "Luật Căn cước"
    class: CLASS_PERSONAL
    readiness: READINESS_PUBLISHED
    published_at: "2026-01-01"
    views: {
      name: "names"
      title_vi: "Tên"
      message: "Person"
      paths: "personal_id"
      paths: "full_name"
      paths: "born_on"
      paths: "seen"
      paths: "home.city"
    }
    views: {
      name: "proof"
      title_vi: "Xác nhận"
      message: "Proof"
      paths: "holds"
    }
  };
  rpc GetPerson(GetPersonRequest) returns (Person) {
    option (motlan.contract.v1.method) = { kind: KIND_LOOKUP subject: "who.personal_id" };
  }
  rpc ListPeople(GetPersonRequest) returns (stream Person) {
    option (motlan.contract.v1.method) = { kind: KIND_LIST subject: "who.personal_id" };
  }
  rpc CheckPerson(CheckPersonRequest) returns (Proof) {
    option (motlan.contract.v1.method) = { kind: KIND_VERIFY subject: "personal_id" };
  }
  // Not on offer.
  rpc Import(stream Person) returns (Proof);
}
// No dataset.
service Plain {
  rpc GetPerson(GetPersonRequest) returns (Person);
}
message Who {
  string personal_id = 1;
}
message GetPersonRequest {
  Who who = 1;
  repeated string others = 2;
}
message CheckPersonRequest {
  string personal_id = 1;
  uint32 year = 2;
}
message Proof {
  bool holds = 1 [(motlan.contract.v1.field) = { class: CLASS_PERSONAL }];
}
message Person {
  string personal_id = 1 [(motlan.contract.v1.field) = { class: CLASS_PERSONAL }];
  string full_name = 2 [(motlan.contract.v1.field) = { class: CLASS_PERSONAL }];
  vn.shared.v1.Date born_on = 3 [(motlan.contract.v1.field) = { class: CLASS_PERSONAL }];
  google.protobuf.Timestamp seen = 4 [(motlan.contract.v1.field) = { class: CLASS_PERSONAL }];
  Home home = 5 [(motlan.contract.v1.field) = { class: CLASS_PERSONAL }];
  google.protobuf.Any extra = 6 [(motlan.contract.v1.field) = { class: CLASS_PERSONAL }];
  string religion = 7 [(motlan.contract.v1.field) = { class: CLASS_SENSITIVE }];
  string note = 8;
  map<string, Home> homes = 9 [(motlan.contract.v1.field) = { class: CLASS_PERSONAL }];
  repeated Person kin = 10 [(motlan.contract.v1.field) = { class: CLASS_PERSONAL }];
}
message Home {
  string city = 1 [(motlan.contract.v1.field) = { class: CLASS_PERSONAL }];
  string owner = 2;
}
"#;

/// A folder with the small catalogue.
pub(crate) struct Small(tempfile::TempDir);

impl Small {
    pub(crate) fn new() -> Self {
        let small = Self(tempfile::tempdir().unwrap());
        small.write("catalog.toml", CATALOG);
        small.write("agencies.csv", AGENCIES);
        small.write("procedures/annex.csv", PROCEDURES);
        small.write("procedures/README.md", "any text");
        small.write("systems/all.toml", SYSTEMS);
        small.write("datasets/people.toml", DATASET);
        small.write("agreements/g01-h26.toml", AGREEMENT);
        small.write("endpoints.toml", ENDPOINTS);
        small.write("contracts/vn/people/v1/people.proto", CONTRACT);
        small.write("contracts/vn/shared/v1/date.proto", SHARED);
        small
    }

    pub(crate) fn folder(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn path(&self, file: &str) -> PathBuf {
        self.folder().join(file)
    }

    pub(crate) fn write(&self, file: &str, content: impl AsRef<[u8]>) {
        fs::create_dir_all(self.path(file).parent().unwrap()).unwrap();
        fs::write(self.path(file), content).unwrap();
    }

    /// Puts `to` in place of the first `from` in `file`.
    pub(crate) fn change(&self, file: &str, from: &str, to: &str) {
        let text = fs::read_to_string(self.path(file)).unwrap();
        assert!(text.contains(from), "`{file}` lacks `{from}`");
        self.write(file, text.replacen(from, to, 1));
    }

    pub(crate) fn load(&self) -> Result<Catalog, Faults> {
        Catalog::load(self.folder())
    }

    pub(crate) fn catalog(&self) -> Catalog {
        self.load().unwrap_or_else(|faults| panic!("{faults}"))
    }

    pub(crate) fn faults(&self) -> Faults {
        self.load().expect_err("the catalogue has a fault")
    }
}

pub(crate) fn p256() -> String {
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    pem("PUBLIC KEY", pair.public_key().as_der().unwrap().as_ref())
}

pub(crate) fn ed25519() -> String {
    let pair = Ed25519KeyPair::generate().unwrap();
    pem("PUBLIC KEY", pair.public_key().as_der().unwrap().as_ref())
}

pub(crate) fn pem(label: &str, der: &[u8]) -> String {
    let body = base64::engine::general_purpose::STANDARD.encode(der);
    format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n")
}

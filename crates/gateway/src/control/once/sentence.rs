//! A ground in one sentence for the applicant, in Vietnamese and in English.

use motlan_api::audit::v1::GroundOutcome;
use motlan_catalog::{Catalog, DocumentKind};

/// What a sentence is made of: nothing of the applicant's.
pub(super) struct Words {
    owner: String,
    title_vi: String,
    title_en: String,
}

impl Words {
    pub(super) fn of(document: &DocumentKind, catalog: &Catalog) -> Self {
        let code = document.source.owner();
        let agency = catalog.agency(code);
        Self {
            owner: agency.map_or_else(|| code.to_string(), |agency| agency.name_vi.clone()),
            title_vi: document.title_vi.clone(),
            title_en: document.title_en.clone(),
        }
    }

    /// In Vietnamese. Empty where there is no ground.
    pub(super) fn vietnamese(&self, outcome: GroundOutcome) -> String {
        let Self {
            owner, title_vi, ..
        } = self;
        let why = match outcome {
            GroundOutcome::Unspecified => return String::new(),
            GroundOutcome::NotPublished => {
                format!("{owner} chưa công bố cơ sở dữ liệu có “{title_vi}”")
            }
            GroundOutcome::NotShared => {
                format!(
                    "{owner} chưa chia sẻ dữ liệu “{title_vi}” cho cơ quan tiếp nhận để giải \
                     quyết thủ tục này"
                )
            }
            GroundOutcome::NotFound => {
                format!("cơ sở dữ liệu của {owner} không có dữ liệu “{title_vi}” cần cho hồ sơ")
            }
            GroundOutcome::Incomplete => {
                format!("dữ liệu “{title_vi}” của {owner} còn thiếu thông tin")
            }
            GroundOutcome::Mismatch => {
                format!("dữ liệu “{title_vi}” của {owner} khác với thông tin đã khai")
            }
            GroundOutcome::Unavailable => {
                format!("hệ thống của {owner} hiện không cung cấp được dữ liệu “{title_vi}”")
            }
        };
        let then = match corrects(outcome) {
            true => format!("; {owner} đã được đề nghị kiểm tra, chỉnh sửa dữ liệu"),
            false => String::new(),
        };
        format!("Đề nghị ông/bà nộp giấy tờ này vì {why}{then}.")
    }

    /// The same in English.
    pub(super) fn english(&self, outcome: GroundOutcome) -> String {
        let Self {
            owner, title_en, ..
        } = self;
        let why = match outcome {
            GroundOutcome::Unspecified => return String::new(),
            GroundOutcome::NotPublished => {
                format!("{owner} has not published the database that holds “{title_en}”")
            }
            GroundOutcome::NotShared => {
                format!(
                    "{owner} does not share the data of “{title_en}” with this office for this \
                     procedure"
                )
            }
            GroundOutcome::NotFound => {
                format!("the database of {owner} has no data of “{title_en}” for this dossier")
            }
            GroundOutcome::Incomplete => {
                format!("the data of “{title_en}” at {owner} is incomplete")
            }
            GroundOutcome::Mismatch => {
                format!("the data of “{title_en}” at {owner} differs from what was declared")
            }
            GroundOutcome::Unavailable => {
                format!("the system of {owner} cannot give the data of “{title_en}” now")
            }
        };
        let then = match corrects(outcome) {
            true => format!("; {owner} has been asked to check and correct it"),
            false => String::new(),
        };
        format!("Please hand in this document, because {why}{then}.")
    }
}

/// Whether the owner is asked for a correction.
pub(super) fn corrects(outcome: GroundOutcome) -> bool {
    matches!(outcome, GroundOutcome::Incomplete | GroundOutcome::Mismatch)
}

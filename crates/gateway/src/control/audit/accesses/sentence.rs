//! An access in one sentence, in Vietnamese and in English. No official is named, and no dossier.

use jiff::Timestamp;
use jiff::tz::Offset;
use motlan_api::audit::v1::{Record, RecordKind, Result as Ended};
use motlan_catalog::{Catalog, SystemId};

use super::super::look::Call;

/// Viet Nam's time is seven hours ahead of UTC, all year.
const ZONE: Offset = Offset::constant(7);

/// What a sentence is made of.
pub(super) struct Words<'w> {
    time: String,
    agency: &'w str,
    system: String,
    what: What,
    fields: usize,
}

/// What was done, and how it ended.
enum What {
    Lookup {
        dataset_vi: String,
        dataset_en: String,
        procedure: String,
        ended: Ended,
    },
    /// The audit trail was looked into.
    Look { searched: bool, ended: Ended },
}

impl<'w> Words<'w> {
    pub(super) fn of(record: &Record, time_us: i64, agency: &'w str, catalog: &Catalog) -> Self {
        let moment = Timestamp::from_microsecond(time_us).unwrap_or_default();
        let system: Option<SystemId> = record.caller.parse().ok();
        let system = system.and_then(|id| catalog.system(&id).cloned());
        let title = system.map(|system| system.title_vi.clone());
        let what = match record.kind() {
            RecordKind::Look => What::Look {
                searched: record.method == Call::Search.path(),
                ended: record.result(),
            },
            _ => lookup(record, catalog),
        };
        Words {
            time: ZONE
                .to_datetime(moment)
                .strftime("%H:%M|%d/%m/%Y")
                .to_string(),
            agency,
            system: title.unwrap_or_else(|| record.caller.clone()),
            what,
            fields: record.fields_released.len(),
        }
    }

    pub(super) fn vietnamese(&self) -> String {
        let (clock, day) = self.time.split_once('|').unwrap_or_default();
        let (agency, system, fields) = (self.agency, &self.system, self.fields);
        let who = format!("Lúc {clock} ngày {day}, {agency} (hệ thống “{system}”)");
        match &self.what {
            What::Lookup {
                dataset_vi,
                procedure,
                ended,
                ..
            } => {
                let asked = format!("tra cứu “{dataset_vi}” để giải quyết thủ tục {procedure}");
                match ended {
                    Ended::Released => {
                        format!("{who} đã {asked} và nhận được {fields} trường thông tin.")
                    }
                    Ended::Refused => format!(
                        "{who} đã yêu cầu {asked}; cổng đã từ chối và không cung cấp thông tin nào."
                    ),
                    Ended::Failed => format!(
                        "{who} đã {asked}; việc tra cứu không thành công và không có thông tin nào \
                         được cung cấp."
                    ),
                    Ended::NotFound => {
                        format!("{who} đã {asked}; cơ sở dữ liệu không có thông tin.")
                    }
                    Ended::Unspecified => {
                        format!("{who} đã {asked}; chưa ghi nhận kết quả.")
                    }
                }
            }
            What::Look { searched, ended } => {
                let seen = match searched {
                    true => "tìm kiếm trong nhật ký tra cứu",
                    false => "xem danh sách các lần tra cứu",
                };
                match ended {
                    Ended::Released => format!("{who} đã {seen}."),
                    Ended::Refused | Ended::Failed | Ended::NotFound | Ended::Unspecified => {
                        format!("{who} đã yêu cầu {seen}; cổng đã từ chối.")
                    }
                }
            }
        }
    }

    pub(super) fn english(&self) -> String {
        let (clock, day) = self.time.split_once('|').unwrap_or_default();
        let (agency, system, fields) = (self.agency, &self.system, self.fields);
        let who = format!("At {clock} on {day} (Viet Nam time), {agency} (system “{system}”)");
        match &self.what {
            What::Lookup {
                dataset_en,
                procedure,
                ended,
                ..
            } => {
                let asked = format!("“{dataset_en}” for the procedure {procedure}");
                match ended {
                    Ended::Released => {
                        let plural = if fields == 1 { "" } else { "s" };
                        format!("{who} looked up {asked} and received {fields} field{plural}.")
                    }
                    Ended::Refused => format!(
                        "{who} asked to look up {asked}; the gateway refused, and nothing was \
                         handed out."
                    ),
                    Ended::Failed => format!(
                        "{who} looked up {asked}; the lookup failed, and nothing was handed out."
                    ),
                    Ended::NotFound => {
                        format!("{who} looked up {asked}; the database holds nothing.")
                    }
                    Ended::Unspecified => {
                        format!("{who} looked up {asked}; no result is on record.")
                    }
                }
            }
            What::Look { searched, ended } => {
                let seen = match searched {
                    true => "searched the record of lookups",
                    false => "viewed the list of lookups",
                };
                match ended {
                    Ended::Released => format!("{who} {seen}."),
                    Ended::Refused | Ended::Failed | Ended::NotFound | Ended::Unspecified => {
                        format!("{who} would have {seen}; the gateway refused.")
                    }
                }
            }
        }
    }
}

fn lookup(record: &Record, catalog: &Catalog) -> What {
    let dataset = record.dataset.parse().ok();
    let dataset = dataset.and_then(|id| catalog.dataset(&id));
    let procedure = record.procedure.parse().ok();
    let procedure = procedure.and_then(|code| catalog.procedure(&code));
    let names: Vec<String> = procedure
        .into_iter()
        .flat_map(|procedure| procedure.names())
        .map(|name| format!("“{name}”"))
        .collect();
    let code = &record.procedure;
    let ended = match record.kind() {
        RecordKind::Outcome => record.result(),
        _ => Ended::Unspecified,
    };
    What::Lookup {
        dataset_vi: dataset.map_or_else(|| record.dataset.clone(), |it| it.title_vi.clone()),
        dataset_en: dataset.map_or_else(|| record.dataset.clone(), |it| it.title_en.clone()),
        procedure: match names.as_slice() {
            [] => code.clone(),
            names => format!("{} ({code})", names.join(", ")),
        },
        ended,
    }
}

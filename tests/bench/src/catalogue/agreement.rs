//! The text of one agreement.

use motlan_catalog::ProcedureCode;

use super::Cell;

/// Every so manieth agreement names the system that may use it, or the hours.
const NAMED_EVERY: usize = 2;
const HOURS_EVERY: usize = 4;

/// The name of an agreement and its text: `granted` is what it is good for, and `other` what it is
/// not.
pub(super) fn of(
    cell: &Cell<'_>,
    number: usize,
    granted: &ProcedureCode,
    other: &ProcedureCode,
) -> (String, String) {
    let Cell {
        consumer,
        dataset,
        method,
        view,
    } = cell;
    let parties = format!("{}-{}", dataset.owner, consumer.agency).to_lowercase();
    let name = format!(
        "{parties}-{}-{number:05}",
        dataset.id.as_str().replace('_', "-")
    );
    let systems = match number % NAMED_EVERY {
        0 => String::new(),
        _ => format!("systems = [\"{}\"]\n", consumer.id),
    };
    let hours = match number % HOURS_EVERY {
        0 => {
            "days = [\"mon\", \"tue\", \"wed\", \"thu\", \"fri\"]\n\
              hours = [\"07:30-11:30\", \"13:00-17:00\"]\n"
        }
        _ => "",
    };
    let leaves = view.leaves.iter();
    let fields: String = leaves.map(|leaf| format!("    \"{leaf}\",\n")).collect();
    let asks = format!(
        "system = \"{}\"\nmethod = \"{}/{}\"\nat = 2026-03-02T09:00:00\n",
        consumer.id, dataset.id, method.name
    );
    let text = format!(
        "id = \"{name}\"\nversion = 1\ntitle = \"Chia sẻ {title} phục vụ thủ tục {granted}\"\n\
         provider = \"{provider}\"\nconsumer = \"{agency}\"\n\
         legal_basis = [\n    \"{basis}\",\n    \"Nghị định 278/2025/NĐ-CP\",\n]\n\
         valid_from = 2026-01-01\nvalid_until = 2027-02-28\n\n\
         [[grant]]\nid = \"use\"\ndataset = \"{dataset}\"\nview = \"{view}\"\n\
         methods = [\"{method}\"]\nprocedures = [\"{granted}\"]\n{systems}{hours}\n\
         [[test]]\nname = \"Đọc đúng những gì đã thỏa thuận\"\n{asks}\
         procedure = \"{granted}\"\nexpect = \"allowed\"\nfields = [\n{fields}]\n\n\
         [[test]]\nname = \"Không dùng cho thủ tục khác\"\n{asks}\
         procedure = \"{other}\"\nexpect = \"PURPOSE_NOT_COVERED\"\n",
        title = dataset.title_vi,
        provider = dataset.owner,
        agency = consumer.agency,
        basis = dataset.legal_basis,
        dataset = dataset.id,
        view = view.name,
        method = method.name,
    );
    (name, text)
}

//! `[[witness]]`, and what `[ledger]` says of witnesses.

use std::path::PathBuf;
use std::time::Duration;

use motlan_audit::WitnessVerifierKey;
use motlan_audit::witness::Policy;
use motlan_catalog::Faults;
use motlan_catalog::document::Table;

use super::Address;

/// The longest pause between two rounds: an hour.
pub(crate) const EVERY_MS_MAX: i64 = 3_600_000;
pub(crate) const EVERY_MS: i64 = 1_000;

/// `[[witness]]`: somebody who cosigns the ledger's checkpoints.
#[derive(Debug, Clone)]
pub struct WitnessSettings {
    /// `url`: its submission prefix.
    pub url: Address,
    /// `key`: its verifier key.
    pub key: WitnessVerifierKey,
    /// `ca`: who may sign its certificate, PEM; for `https`.
    pub ca: Option<PathBuf>,
}

/// How many witnesses are wanted, and how often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quorum {
    /// `ledger.witnesses_min`: so many make a checkpoint cosigned; more than half if not set.
    pub min: usize,
    /// `ledger.witnesses_required_at_start`: so many must have confirmed the log before anything is
    /// served; none if not set.
    pub required_at_start: usize,
    /// `ledger.witnesses_every_ms`: how often the newest checkpoint is taken to them at most.
    pub every: Duration,
}

impl WitnessSettings {
    /// Reads every `[[witness]]` of the root; with how many there are, faulty ones included.
    pub(crate) fn all(root: &mut Table<'_>, faults: &mut Faults) -> (Vec<Self>, usize) {
        let tables = root.tables("witness", faults);
        let (count, line) = (tables.len(), tables.last().and_then(Table::line));
        let all = tables.into_iter();
        let all: Vec<_> = all.filter_map(|table| Self::read(table, faults)).collect();
        let keys: Vec<_> = all.iter().map(|one| one.key.clone()).collect();
        if let Err(error) = Policy::new(keys, 1)
            && !all.is_empty()
        {
            let remedy = "name each witness once, with a key of its own";
            root.fault(line, error.to_string(), remedy, faults);
        }
        (all, count)
    }

    fn read(mut table: Table<'_>, faults: &mut Faults) -> Option<Self> {
        let url = table.parsed::<Address>("url", faults);
        let key = table.parsed("key", faults);
        let ca = table.opt_path("ca", faults);
        if let Some(url) = &url
            && url.value.is_tls() != ca.is_some()
        {
            let (what, remedy) = if url.value.is_tls() {
                (
                    "`https` without `ca`",
                    "name the file with the authority of its certificate",
                )
            } else {
                (
                    "`ca` without `https`",
                    "give an `https` address, or remove `ca`",
                )
            };
            table.fault(url.line, what, remedy, faults);
        }
        table.finish(faults);
        Some(Self {
            url: url?.value,
            key: key?.value,
            ca: ca.map(|found| found.value),
        })
    }
}

impl Quorum {
    /// Reads what `[ledger]` says, where there are so many witnesses.
    pub(crate) fn read(ledger: &mut Table<'_>, witnesses: usize, faults: &mut Faults) -> Self {
        let most = i64::try_from(witnesses).unwrap_or(i64::MAX);
        let mut number = |key, least, most, usual| {
            let found = ledger.opt_integer(key, least..=most, faults);
            u32::try_from(found.map_or(usual, |found| found.value)).unwrap_or(u32::MAX)
        };
        let least = most.min(1);
        let min = number("witnesses_min", least, most, most / 2 + least);
        let required = number("witnesses_required_at_start", 0, most, 0);
        let every_ms = number("witnesses_every_ms", 1, EVERY_MS_MAX, EVERY_MS);
        let count = |number| usize::try_from(number).unwrap_or(usize::MAX);
        Self {
            min: count(min),
            required_at_start: count(required),
            every: Duration::from_millis(u64::from(every_ms)),
        }
    }
}

#[cfg(test)]
mod tests {
    use motlan_audit::WitnessSignerKey;
    use motlan_catalog::document::Document;

    use super::*;

    fn key(name: &str) -> String {
        let key = WitnessSignerKey::generate(name).unwrap();
        key.verifier().to_string()
    }

    fn read(text: &str) -> (Vec<WitnessSettings>, Quorum, Vec<String>) {
        let mut faults = Faults::new();
        let document = Document::parse("a.toml".as_ref(), text, &mut faults).unwrap();
        let mut root = document.root();
        let (all, count) = WitnessSettings::all(&mut root, &mut faults);
        let mut ledger = root.table("ledger", &mut faults).unwrap();
        let quorum = Quorum::read(&mut ledger, count, &mut faults);
        ledger.finish(&mut faults);
        root.finish(&mut faults);
        let faults = faults.iter().map(ToString::to_string).collect();
        (all, quorum, faults)
    }

    #[test]
    fn more_than_half_of_the_witnesses_are_wanted_unless_set_otherwise() {
        let mut text = "[ledger]\n".to_owned();
        for (count, due) in [(0, 0), (1, 1), (2, 2), (3, 2), (4, 3)] {
            let (all, quorum, faults) = read(&text);
            assert_eq!((all.len(), quorum.min, faults), (count, due, vec![]));
            assert_eq!(quorum.required_at_start, 0);
            let key = key(&format!("w{count}"));
            text += &format!("[[witness]]\nurl = \"http://localhost:1\"\nkey = \"{key}\"\n");
        }
        let set = "[ledger]\nwitnesses_min = 1\nwitnesses_required_at_start = 4\n\
                   witnesses_every_ms = 50";
        let (_, quorum, faults) = read(&text.replace("[ledger]", set));
        let every = Duration::from_millis(50);
        let due = Quorum {
            min: 1,
            required_at_start: 4,
            every,
        };
        assert_eq!((quorum, faults), (due, vec![]));
    }

    #[test]
    fn what_cannot_be_a_witness_is_a_fault_with_its_line() {
        let key = key("w1");
        let text = format!(
            "[ledger]\nwitnesses_min = 6\n\
             [[witness]]\nurl = \"http://w.example\"\nkey = \"{key}\"\n\
             [[witness]]\nurl = \"https://w.example\"\nkey = \"{key}\"\n\
             [[witness]]\nurl = \"http://localhost\"\nkey = \"{key}\"\nca = \"a.pem\"\n\
             [[witness]]\nurl = \"http://localhost\"\nkey = \"w1+00000000+AAAA\"\nkay = 1\n"
        );
        let (_, _, faults) = read(&text);
        for due in [
            "a.toml:2: `ledger.witnesses_min` is 6; give a number from 1 to 4",
            "a.toml:4: ",
            "a.toml:7: `https` without `ca`",
            "a.toml:10: `ca` without `https`",
            "a.toml:15: `witness.key`",
            "a.toml:16: `witness.kay`",
            "named twice",
        ] {
            let found = faults.iter().filter(|fault| fault.contains(due)).count();
            assert_eq!(found, 1, "{due}: {faults:#?}");
        }
        assert_eq!(faults.len(), 7, "{faults:#?}");
    }
}

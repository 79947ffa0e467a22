//! Whether this machine's clock is right, by everything that tells the time: what was recorded and
//! signed before lies behind us, and owners' servers say what time it is.

use std::path::Path;

use jiff::Timestamp;
use motlan_audit::newest_time_us;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer};
use x509_parser::prelude::{FromDer as _, X509Certificate};
use x509_parser::revocation_list::CertificateRevocationList;

use super::files::{Side, read};
use super::findings::Findings;
use crate::settings::{LedgerSettings, TlsFiles};
use crate::tls::time;

/// A clock may be off by so much: tokens and certificates of others are late and early too.
const OFF_S_MAX: i64 = 300;

const REMEDY: &str = "set the clock, and have it kept right (`timedatectl` tells whether it is)";

/// R110: what was recorded is in the past.
pub(super) fn ledger(settings: &LedgerSettings, now_s: i64, findings: &mut Findings) {
    let layout = settings.layout();
    let newest = layout.quarters().ok().and_then(|all| all.last().copied());
    let Some(folder) = newest.map(|it| layout.ledger(it)) else {
        return;
    };
    let Some(time_us) = newest_time_us(&folder) else {
        return;
    };
    let what = format!("the newest record of `{}` is of", folder.display());
    behind(
        "ledger.folder",
        &what,
        time_us.div_euclid(1_000_000),
        now_s,
        findings,
    );
}

/// R110: what was signed is in the past.
pub(super) fn manifest(catalog: &Path, now_s: i64, findings: &mut Findings) {
    let file = catalog.join("manifest.json");
    let issued = || {
        let text = std::fs::read_to_string(&file).ok()?;
        let manifest: serde_json::Value = serde_json::from_str(&text).ok()?;
        let issued: Timestamp = manifest.get("issued")?.as_str()?.parse().ok()?;
        Some(issued.as_second())
    };
    if let Some(issued_s) = issued() {
        let what = format!("`{}` was sealed", file.display());
        behind("catalog.folder", &what, issued_s, now_s, findings);
    }
}

/// R110: what authorities signed is in the past. When our own certificates hold is seen where they
/// are loaded.
pub(super) fn side(names: &Side, files: &TlsFiles, now_s: i64, findings: &mut Findings) {
    let since = |key, file: &Path, what: &str, from_s, findings: &mut Findings| {
        let what = format!("the {what} in `{}` holds from", file.display());
        behind(key, &what, from_s, now_s, findings);
    };
    let bytes = read(&files.authority).unwrap_or_default();
    for der in CertificateDer::pem_slice_iter(&bytes).flatten() {
        if let Ok((_, found)) = X509Certificate::from_der(&der) {
            let from_s = found.validity().not_before.timestamp();
            since(
                names.authority,
                &files.authority,
                "certificate",
                from_s,
                findings,
            );
        }
    }
    if let Some(file) = &files.revocation {
        let bytes = read(file).unwrap_or_default();
        for der in CertificateRevocationListDer::pem_slice_iter(&bytes).flatten() {
            if let Ok((_, found)) = CertificateRevocationList::from_der(&der) {
                let from_s = found.last_update().timestamp();
                since(names.revocation, file, "revocation list", from_s, findings);
            }
        }
    }
}

/// The time at owners' servers, as far as they told it: the middle one counts.
pub(super) fn owners(mut told_s: Vec<i64>, now_s: i64, findings: &mut Findings) {
    told_s.sort_unstable();
    let Some(middle_s) = told_s.get(told_s.len() / 2).copied() else {
        return;
    };
    let off_s = now_s.saturating_sub(middle_s);
    let count = told_s.len();
    if off_s.abs() <= OFF_S_MAX {
        let line = format!("clock       right within 5 minutes, by {count} owners' servers");
        findings.looked.push(line);
        return;
    }
    let way = if off_s < 0 { "behind" } else { "ahead of" };
    let what = format!(
        "this machine's clock is {} {way} that of the owners' servers",
        long(off_s)
    );
    let what = format!("{what} ({count} told theirs)");
    findings.problems.told(format!("{what}; {REMEDY}"));
}

fn behind(key: &str, what: &str, then_s: i64, now_s: i64, findings: &mut Findings) {
    let off_s = then_s.saturating_sub(now_s);
    if off_s > OFF_S_MAX {
        let (then, off) = (time(then_s), long(off_s));
        let what = format!("{what} {then}, and this machine's clock is {off} before that");
        findings.fault(key, what, REMEDY);
    }
}

/// How long that is, for people.
fn long(seconds: i64) -> String {
    let minutes = seconds.unsigned_abs() / 60;
    match (minutes / 1440, minutes / 60 % 24, minutes % 60) {
        (0, 0, minutes) => format!("{minutes} min"),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::enforced::Problems;

    fn told(told_s: &[i64], now_s: i64) -> String {
        let lines = BTreeMap::new();
        let mut findings = Findings::new("m.toml".as_ref(), lines, Problems::default());
        owners(told_s.to_vec(), now_s, &mut findings);
        findings.problems.to_string()
    }

    #[test]
    fn the_middle_of_what_servers_tell_says_how_far_and_which_way_a_clock_is_off() {
        // R110.
        assert!(told(&[], 5_000).starts_with("0 faults"));
        assert!(told(&[5_300, 4_700], 5_000).starts_with("0 faults"));
        // One server that is wrong does not count.
        assert!(told(&[5_000, 90_000, 5_010], 5_000).starts_with("0 faults"));
        let behind = told(&[8_600, 8_601, 0], 5_000);
        assert!(behind.contains("1 h 0 min behind"), "{behind}");
        let ahead = told(&[5_000], 5_000 + 2 * 86_400);
        assert!(ahead.contains("2 d 0 h ahead of"), "{ahead}");
    }
}

//! What can be wrong with what the file says, and with what it names.

use anyhow::Result;
use motlan_audit::WitnessSignerKey;

use super::Case;
use super::copy::Copied;

macro_rules! cases {
    ($($name:literal => $how:expr,)*) => {
        vec![$(Case { name: $name, how: $how }),*]
    };
}

pub(crate) fn all() -> Vec<Case> {
    [keys(), values(), paths(), pem(), older()]
        .into_iter()
        .flatten()
        .collect()
}

/// Keys that are not known, and keys that are missing.
fn keys() -> Vec<Case> {
    cases! {
        "a key that is not known" => |it| it.replace("audience =", "audiense ="),
        "a key of [catalog] that is not known" =>
            |it| it.replace("[catalog]", "[catalog]\nrevision = 1"),
        "a key of [listen] that is not known" => |it| it.replace("admin =", "amdin ="),
        "a key of [tls] that is not known" => |it| it.replace("client_ca =", "ca_client ="),
        "a key of [ledger] that is not known" =>
            |it| it.replace("[ledger]", "[ledger]\nfsync = true"),
        "a key of [limits] that is not known" => |it| it.append("[limits]\nstreams = 1"),
        "a key of [telemetry] that is not known" => |it| it.append("[telemetry]\nlevel = \"info\""),
        "a table that is not known" => |it| it.append("[database]\nurl = \"x\""),
        "a table that is missing" => |it| it.replace("[provider_tls]", "[provider_tsl]"),
        "a table that is there twice" => |it| it.append("[listen]\ngateway = \"127.0.0.1:0\""),
        "a key that is there twice" =>
            |it| it.replace("instance =", "instance = \"a\"\ninstance ="),
    }
}

/// Values of another type, out of range, or that make no sense.
fn values() -> Vec<Case> {
    cases! {
        "a number where a text belongs" => |it| it.replace("instance = \"demo\"", "instance = 7"),
        "a text where a number belongs" =>
            |it| it.append("[limits]\nlookup_ms_max = \"10 seconds\""),
        "a number with a fraction" => |it| it.append("[limits]\nlookup_ms_max = 1.5"),
        "a number that is too small" => |it| it.append("[limits]\nconnections_max = 0"),
        "a number that is too large" => |it| it.append("[limits]\nconnections_max = 1000001"),
        "a number beyond 64 bits" =>
            |it| it.append("[limits]\nconnections_max = 99999999999999999999"),
        "a text that is empty" => |it| it.replace("\"https://gateway.motlan.example\"", "\"\""),
        "a name that is none" => |it| it.replace("instance = \"demo\"", "instance = \"De mo\""),
        "an address without a port" =>
            |it| it.replace("admin = \"127.0.0.1:0\"", "admin = \"127.0.0.1\""),
        "an address by name" =>
            |it| it.replace("admin = \"127.0.0.1:0\"", "admin = \"localhost:9000\""),
        "a log filter that is none" => |it| it.append("[telemetry]\nlog = \"a=b=c\""),
        "an address for traces that is none" => |it| it.append("[telemetry]\notlp = \"127.0.0.1\""),
        "a looking that never comes" => |it| it.append("[reload]\nwatch_ms = 0"),
        "a retention without its ground" =>
            |it| it.append("[[ledger.retain]]\ndataset = \"land\"\nquarters = 4"),
        "a retention that is too long" => |it| it.append(
            "[[ledger.retain]]\ndataset = \"land\"\nquarters = 401\nground = \"a law\""),
        "two witnesses that are one" => twin_witnesses,
        "a witness in the clear" => |it| witness(it, "http://witness.example"),
        "more witnesses wanted than there are" =>
            |it| it.replace("[ledger]", "[ledger]\nwitnesses_min = 3"),
        "letters that are no UTF-8" => |it| it.write("motlan.toml", b"instance = \"\xff\"\n"),
        "a sign that is not seen" => |it| it.replace("\"demo\"", "\"de\u{200b}mo\""),
        "an empty file" => |it| it.write("motlan.toml", ""),
        "a line that is no TOML" => |it| it.replace("instance = \"demo\"", "instance = demo"),
    }
}

/// Files and folders that are not where they should be.
fn paths() -> Vec<Case> {
    cases! {
        "no configuration" => |it| it.remove("motlan.toml"),
        "a folder in place of the configuration" => |it| {
            it.remove("motlan.toml")?;
            Ok(std::fs::create_dir(it.path("motlan.toml"))?)
        },
        "no catalogue" => |it| it.remove("catalog"),
        "no key of the manifest" => |it| it.remove("pki/manifest.pem"),
        "no known revision" => |it| it.remove("known-revision.json"),
        "a known revision within the catalogue" =>
            |it| it.replace("\"known-revision.json\"", "\"catalog/known.json\""),
        "a catalogue that was changed after sealing" =>
            |it| it.write("catalog/agencies.csv", "altered\n"),
        "no ledger" => |it| it.remove("ledger"),
        "no key of the ledger" => |it| it.remove("pki/ledger.key"),
        "no sealing file" => |it| {
            it.remove("pki/sealing")?;
            Ok(std::fs::create_dir(it.path("pki/sealing"))?)
        },
        "another instance's ledger" =>
            |it| it.replace("instance = \"demo\"", "instance = \"north\""),
        "an index in the ledger's folder" =>
            |it| it.replace("[ledger]", "[ledger]\nindex = \"ledger/index\""),
        "two folders that are one" =>
            |it| it.replace("[ledger]", "[ledger]\nindex = \"pki/sealing\""),
        "no state" => |it| it.append("[state]\nfile = \"state.redb\""),
    }
}

/// Files of TLS that cannot be used.
fn pem() -> Vec<Case> {
    cases! {
        "no certificate" => |it| it.remove("pki/gateway.pem"),
        "several files that are not there" => |it| {
            it.remove("pki/gateway.pem")?;
            it.remove("pki/gateway.key")?;
            it.remove("pki/ca.pem")
        },
        "a folder in place of a key" => |it| it.replace("\"pki/gateway.key\"", "\"pki\""),
        "a key in place of a certificate" => |it| it.copy("pki/gateway.key", "pki/gateway.pem"),
        "a certificate in place of a key" => |it| {
            it.copy("pki/gateway.pem", "pki/gateway.key")?;
            it.mode("pki/gateway.key", 0o600)
        },
        "a file that is no PEM" => |it| it.write("pki/ca.pem", "nonsense"),
        "a PEM that breaks off" => |it| {
            let text = std::fs::read_to_string(it.path("pki/gateway.pem"))?;
            it.write("pki/gateway.pem", text.get(..text.len() / 2).unwrap_or_default())
        },
        "a key that does not fit its certificate" =>
            |it| it.copy("pki/gateway-client.key", "pki/gateway.key"),
        "no revocation list where one is named" =>
            |it| it.replace("client_ca =", "client_crl = \"pki/crl.pem\"\nclient_ca ="),
    }
}

/// Forms that were right once.
fn older() -> Vec<Case> {
    cases! {
        "the catalogue as a folder" => |it| {
            it.replace("\n[catalog]\n", "\n[catalogue]\n")?;
            it.replace("instance =", "catalog = \"catalog\"\ninstance =")
        },
        "a log of its own where quarters belong" => |it| {
            let listed = std::fs::read_dir(it.path("ledger"))?.flatten();
            let quarter = listed.into_iter().find(|it| it.path().is_dir());
            let quarter = quarter.map(|it| it.file_name().to_string_lossy().into_owned());
            let quarter = quarter.unwrap_or_default();
            it.hide(quarter.clone(), "QUARTER");
            it.replace("folder = \"ledger\"", &format!("folder = \"ledger/{quarter}\""))
        },
    }
}

fn twin_witnesses(it: &mut Copied) -> Result<()> {
    let key = WitnessSignerKey::generate("witness.example")?;
    let key = key.verifier().to_string();
    it.hide(key.clone(), "KEY");
    let one = format!("[[witness]]\nurl = \"http://localhost:1\"\nkey = \"{key}\"\n");
    it.append(&format!("{one}\n{one}"))
}

fn witness(it: &mut Copied, url: &str) -> Result<()> {
    let key = WitnessSignerKey::generate("witness.example")?;
    it.append(&format!(
        "[[witness]]\nurl = \"{url}\"\nkey = \"{}\"",
        key.verifier()
    ))
}

//! What can be wrong with the machine: rights, ports, volumes, clocks, locks, the way to owners.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, UNIX_EPOCH};

use anyhow::{Context as _, Result};
use motlan_audit::Entry;
use motlan_audit::wire::{Change, ChangeSubject, Record, RecordKind, Sealed};
use motlan_catalog::signed::{Accepted, PrivateKey, seal_unchecked};
use motlan_gateway::{Settings, ledger};
use motlan_testkit::pki::{Authority, Leaf};
use tokio::runtime::Handle;

use super::Case;
use super::copy::Copied;

macro_rules! cases {
    ($($name:literal => $how:expr,)*) => {
        vec![$(Case { name: $name, how: $how }),*]
    };
}

pub(crate) fn all() -> Vec<Case> {
    [secrets(), places(), clocks(), owners()]
        .into_iter()
        .flatten()
        .collect()
}

fn secrets() -> Vec<Case> {
    cases! {
        "a key that everybody can read" => |it| it.mode("pki/gateway.key", 0o644),
        "a key that the group can read" => |it| it.mode("pki/gateway-client.key", 0o640),
        "a ledger key that everybody can read" => |it| it.mode("pki/ledger.key", 0o604),
        "a sealing file that the group can read" => |it| {
            let file = newest(it, "pki/sealing")?;
            it.mode(&file, 0o640)
        },
    }
}

fn places() -> Vec<Case> {
    cases! {
        "a port in use" => |it| {
            let (listener, address) = it.taken()?;
            it.keep(listener);
            it.replace("gateway = \"127.0.0.1:0\"", &format!("gateway = \"{address}\""))
        },
        "both listeners on one port" => |it| {
            it.replace("gateway = \"127.0.0.1:0\"", "gateway = \"127.0.0.1:8443\"")?;
            it.replace("admin = \"127.0.0.1:0\"", "admin = \"127.0.0.1:8443\"")
        },
        "an address of another machine" =>
            |it| it.replace("gateway = \"127.0.0.1:0\"", "gateway = \"192.0.2.1:8443\""),
        "a folder that cannot be written" =>
            |it| it.replace("[ledger]", "[ledger]\nindex = \"/proc\""),
        "a folder below a file" => |it| it.replace(
            "[ledger]", "[ledger]\nindex = \"motlan.toml/index\""),
        "too little room" => |it| {
            it.replace("[ledger]", "[ledger]\nfree_bytes_min = 9223372036854775807")
        },
        "a ledger that another process holds" => hold,
    }
}

fn clocks() -> Vec<Case> {
    cases! {
        "a clock that is hours behind" => |it| {
            it.scope.now -= HOURS;
            Ok(())
        },
        "a clock that is hours ahead" => |it| {
            it.scope.now += HOURS;
            Ok(())
        },
        "a record of later" => record_of_later,
        "a certificate that is over" => |it| issue(it, &Leaf::server("gateway").expired()),
        "a certificate that does not hold yet" =>
            |it| issue(it, &Leaf::server("gateway").not_yet_valid()),
    }
}

fn owners() -> Vec<Case> {
    cases! {
        "an owner whose name is not found" => |it| owner(it, "nowhere.invalid:443"),
        "an owner that refuses" => |it| {
            let (listener, address) = it.taken()?;
            drop(listener);
            owner(it, &address.to_string())
        },
        "an owner that is silent" => |it| {
            let (listener, address) = it.taken()?;
            it.keep(listener);
            it.append("[limits]\ndial_ms_max = 1000")?;
            owner(it, &address.to_string())
        },
        "an owner without TLS" => |it| {
            let address = answering(it)?;
            owner(it, &address.to_string())
        },
        "owners of another authority" => |it| {
            let other = Authority::new("another")?;
            it.write("pki/other.pem", other.certificate_pem())?;
            it.replace("\nca = \"pki/ca.pem\"", "\nca = \"pki/other.pem\"")
        },
        "owners that do not know our authority" => |it| {
            let other = Authority::new("another")?;
            let own = other.issue(&Leaf::client("gateway", "spiffe://vn.example/gateway/demo"))?;
            it.write("pki/gateway-client.pem", &own.certificate_pem)?;
            it.write("pki/gateway-client.key", &own.key_pem)
        },
        "an owner whose certificate is for another name" => |it| {
            let file = it.path("catalog/endpoints.toml");
            let text = std::fs::read_to_string(&file)?;
            let named = text.replace("[land]", "[land]\nserver_name = \"land.example\"");
            std::fs::write(file, named)?;
            sealed(it)
        },
    }
}

/// More than the certificates' head start, and half an hour, so that a slow test says the same.
const HOURS: Duration = Duration::from_secs(2 * 3600 + 1800);

/// Has another process hold the ledger, as far as locks can tell.
pub(crate) fn hold(it: &mut Copied) -> Result<()> {
    let log = newest(it, "ledger")?;
    let held = File::open(it.path(&log))?;
    held.try_lock()?;
    it.keep(held);
    Ok(())
}

/// The entry of the newest quarter in a folder.
fn newest(it: &Copied, folder: &str) -> Result<String> {
    let listed = std::fs::read_dir(it.path(folder))?.flatten();
    let names = listed.map(|entry| entry.file_name().to_string_lossy().into_owned());
    // `2026q4`, and not what lies beside it.
    let newest = names.filter(|name| name.len() == 6).max();
    Ok(format!("{folder}/{}", newest.context("no quarter")?))
}

fn record_of_later(it: &mut Copied) -> Result<()> {
    let settings = Settings::read(&it.path("motlan.toml"))?;
    let later = it.scope.now.duration_since(UNIX_EPOCH)? + HOURS;
    let record = Record {
        kind: RecordKind::Change.into(),
        time_us: i64::try_from(later.as_micros())?,
        change: Some(Change {
            subject: ChangeSubject::Catalog.into(),
            before: "0".repeat(32),
            after: "1".repeat(32),
            ..Change::default()
        }),
        ..Record::default()
    };
    let sealed = Sealed::default();
    let shards = ledger::open(&settings.instance, &settings.ledger)?;
    let newest = shards.newest();
    let _recorded = tokio::task::block_in_place(|| {
        Handle::current().block_on(newest.append(Entry { record, sealed }))
    })?;
    drop(newest);
    Ok(shards.close()?)
}

fn issue(it: &mut Copied, leaf: &Leaf) -> Result<()> {
    let issued = Authority::new("one that nobody asks")?.issue(leaf)?;
    it.write("pki/gateway.pem", &issued.certificate_pem)?;
    it.write("pki/gateway.key", &issued.key_pem)
}

/// Enters another address of the owner of the land register, and seals the set anew.
fn owner(it: &mut Copied, address: &str) -> Result<()> {
    let file = it.path("catalog/endpoints.toml");
    let text = std::fs::read_to_string(&file)?;
    let (before, land) = text.split_once("[land]\n").context("no land")?;
    let (_, after) = land.split_once('\n').unwrap_or_default();
    let changed = format!("{before}[land]\naddresses = [\"{address}\"]\n{after}");
    std::fs::write(file, changed)?;
    sealed(it)
}

fn sealed(it: &Copied) -> Result<()> {
    let key = PrivateKey::read(&it.path("pki/manifest.key"))?;
    let known = Accepted::read(&it.path("known-revision.json"))?;
    seal_unchecked(&it.path("catalog"), known.revision + 1, &key, it.scope.now)?;
    Ok(())
}

/// An address at which somebody answers the first thing that is said with something else.
fn answering(it: &mut Copied) -> Result<SocketAddr> {
    let (listener, address) = it.taken()?;
    // Ends with the first connection, which the check makes.
    thread::spawn(move || -> std::io::Result<()> {
        let (mut stream, _) = listener.accept()?;
        let mut heard = [0; 512];
        let _length = stream.read(&mut heard)?;
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    });
    Ok(address)
}

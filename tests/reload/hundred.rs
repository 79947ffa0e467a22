//! Everything that can be loaded anew, a hundred times, while callers ask who may and who may not.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

use motlan_gateway::enforced::Reloaded;
use motlan_testkit::client::{Call, Client};
use motlan_testkit::token::{KeyType, SigningKey};
use motlan_testkit::world::TOKEN_KID;
use rustls::ClientConfig;
use tokio::task::JoinHandle;

use super::certificates::{DAY, listed, revoke, rotate, shown};
use super::sets::{AGREEMENT, Flavour};
use crate::system::question::{DESK, FUNERAL, OTHER_DESK, person};
use crate::system::running::Running;
use crate::system::until::until;

const RELOADS: usize = 100;
/// A system with no agreement, whose token key goes and comes back.
const KEYED: &str = "G01/residence";

/// What is in force, as far as callers meet it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct InForce {
    /// Odd while it changes.
    number: usize,
    /// Whether the other desk's certificate is on the list.
    is_revoked: bool,
    /// Whether the key that tokens of [`KEYED`] are signed with is registered.
    has_key: bool,
    /// Whether the desk may ask for the funeral grant.
    has_funeral: bool,
}

impl InForce {
    /// What a caller is told while this is in force.
    fn due(self, asking: Asking) -> &'static str {
        match asking {
            Asking::Residence => "OK",
            Asking::Funeral if self.has_funeral => "OK",
            Asking::Funeral => "PURPOSE_NOT_COVERED",
            Asking::Revoked if self.is_revoked => "CERTIFICATE_REVOKED",
            Asking::Connecting if self.is_revoked => "refused",
            Asking::Keyed if !self.has_key => "TOKEN_SIGNATURE",
            Asking::Revoked | Asking::Connecting | Asking::Keyed => "NO_AGREEMENT",
        }
    }
}

/// Who asks, each for what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asking {
    /// May, whatever changes.
    Residence,
    /// May, as long as it is agreed.
    Funeral,
    /// Over a connection that stays, with a certificate that is now and then revoked.
    Revoked,
    /// The same, over a new connection each time.
    Connecting,
    /// With tokens whose key is now and then another.
    Keyed,
}

const ALL: [Asking; 5] = [
    Asking::Residence,
    Asking::Funeral,
    Asking::Revoked,
    Asking::Connecting,
    Asking::Keyed,
];

/// What the callers share.
struct Shared {
    now: Mutex<InForce>,
    stop: AtomicBool,
    /// Of each caller, under which number it was last told what it had to be.
    told: [AtomicUsize; ALL.len()],
}

impl Shared {
    fn now(&self) -> InForce {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, now: InForce) {
        *self.now.lock().unwrap_or_else(PoisonError::into_inner) = now;
    }
}

/// How a caller asks.
struct Caller {
    asking: Asking,
    call: Call,
    address: String,
    tls: Arc<ClientConfig>,
    kept: Client,
}

impl Caller {
    async fn of(running: &Running, asking: Asking) -> Self {
        let (system, question) = match asking {
            Asking::Residence => (DESK, person(&running.roles().person)),
            Asking::Funeral => (DESK, person(&running.roles().person).procedure(FUNERAL)),
            Asking::Revoked | Asking::Connecting => (OTHER_DESK, person(&running.roles().person)),
            Asking::Keyed => (KEYED, person(&running.roles().person)),
        };
        Self {
            asking,
            call: question.by(running.world().system(system).unwrap()),
            address: running.address.clone(),
            tls: running.world().client_config(system).unwrap(),
            kept: running.client(system).await,
        }
    }

    async fn ask(&self) -> String {
        let connected = match self.asking {
            Asking::Connecting => Client::connect(&self.address, Arc::clone(&self.tls)).await,
            _ => Ok(self.kept.clone()),
        };
        let Ok(client) = connected else {
            return "refused".to_owned();
        };
        let reply = client.call(&self.call).await;
        let reply = reply.unwrap_or_else(|error| panic!("{:?}: {error}", self.asking));
        match reply.reason() {
            // It was connected just before, and asked just after.
            Some(reason)
                if self.asking == Asking::Connecting && reason == "CERTIFICATE_REVOKED" =>
            {
                "refused".to_owned()
            }
            // The other key may be of another kind.
            Some(reason) if reason == "TOKEN_ALGORITHM" => "TOKEN_SIGNATURE".to_owned(),
            Some(reason) => reason,
            None => "OK".to_owned(),
        }
    }

    /// Asks on and on. What is in force before and after the same, the answer must be its.
    async fn go(self, shared: Arc<Shared>) -> (usize, Vec<String>) {
        let (mut faults, mut times) = (Vec::new(), 0);
        let place = ALL.iter().position(|it| *it == self.asking).unwrap();
        while !shared.stop.load(Ordering::Relaxed) {
            let before = shared.now();
            let told = self.ask().await;
            let after = shared.now();
            times += 1;
            let due = [before.due(self.asking), after.due(self.asking)];
            let is_settled = before == after && before.number.is_multiple_of(2);
            let is_right = match is_settled {
                true => told == due[0],
                // One change may lie in between: the state before it, or the one after it.
                false => due.contains(&told.as_str()) || self.is_of_a_change(&told),
            };
            if !is_right {
                faults.push(format!(
                    "{:?}: {told}, from {before:?} to {after:?}",
                    self.asking
                ));
            }
            if is_settled {
                shared.told[place].store(before.number, Ordering::Relaxed);
            }
        }
        (times, faults)
    }

    /// Whether it is told this in one of the states.
    fn is_of_a_change(&self, told: &str) -> bool {
        let state = |is| InForce {
            number: 0,
            is_revoked: is,
            has_key: is,
            has_funeral: is,
        };
        [true, false]
            .iter()
            .any(|is| state(*is).due(self.asking) == told)
    }
}

/// The files of one change, and what it comes to.
fn change(running: &Running, number: usize, keys: &[SigningKey; 2], now: InForce) -> InForce {
    let world = running.world();
    let mut next = now;
    let agreement = |has_funeral| match has_funeral {
        true => Flavour::Identity.agreement(),
        false => Flavour::Residence.agreement(),
    };
    match number % 6 {
        0 => drop(rotate(world, "gateway")),
        1 => drop(rotate(world, "gateway-client")),
        2 => {
            next.is_revoked = !now.is_revoked;
            let other = &world.system(OTHER_DESK).unwrap().identity;
            let revoked: &[_] = if next.is_revoked { &[other] } else { &[] };
            revoke(world, revoked, DAY);
        }
        3 => {
            next.has_key = !now.has_key;
            let key = &keys[usize::from(next.has_key)];
            let file = format!("catalog/keys/{KEYED}/{TOKEN_KID}.pem");
            world.write(&file, key.public_pem()).unwrap();
        }
        4 => {
            next.has_funeral = !now.has_funeral;
            world
                .write(AGREEMENT, &agreement(next.has_funeral))
                .unwrap();
        }
        _ => {
            let text = agreement(now.has_funeral).replace("dân cư", &number.to_string());
            world.write(AGREEMENT, &text).unwrap();
        }
    }
    next
}

/// Has one of the three taken in force, and no other.
async fn take(running: &Running, number: usize) {
    let reloads = running.reload_all().await;
    let is_taken = [
        matches!(reloads.server_tls, Ok(Reloaded::Taken(_))),
        matches!(reloads.client_tls, Ok(Reloaded::Taken(_))),
        matches!(reloads.catalog, Ok(Reloaded::Taken(_))),
    ];
    let due = match number % 6 {
        0 | 2 => [true, false, false],
        1 => [false, true, false],
        _ => [false, false, true],
    };
    assert_eq!(is_taken, due, "{number}: {reloads:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_hundred_reloads_fail_no_call_that_should_pass_and_pass_none_that_should_fail() {
    // R105, R87.
    let running = listed().await.start().await;
    let system = running.world().system(KEYED).unwrap();
    let other = SigningKey::generate(TOKEN_KID, KeyType::Es256).unwrap();
    let keys = [other, system.token_key.clone()];
    let first = Flavour::Identity.agreement();
    running.world().write(AGREEMENT, &first).unwrap();
    running.reload().await.unwrap();
    let now = InForce {
        number: 0,
        is_revoked: false,
        has_key: true,
        has_funeral: true,
    };
    let shared = Arc::new(Shared {
        now: Mutex::new(now),
        stop: AtomicBool::new(false),
        told: Default::default(),
    });
    let mut callers: Vec<JoinHandle<_>> = Vec::new();
    for asking in ALL {
        let caller = Caller::of(&running, asking).await;
        callers.push(tokio::spawn(caller.go(Arc::clone(&shared))));
    }
    for number in 0..RELOADS {
        let now = shared.now();
        let next = change(&running, number, &keys, now);
        // Neither while it is loaded nor when the files are there, but once it is taken.
        let changing = now.number + 1;
        shared.set(InForce {
            number: changing,
            ..now
        });
        take(&running, number).await;
        shared.set(InForce {
            number: changing + 1,
            ..next
        });
        if number.is_multiple_of(6) {
            let file = running.world().dir().join("pki/gateway.pem");
            let text = std::fs::read_to_string(file).unwrap();
            let shown = shown(&running).await;
            let read = rustls::pki_types::pem::PemObject::from_pem_slice(text.as_bytes());
            assert_eq!(Ok(shown), read.map_err(drop));
        }
        until("each caller was told", async || {
            let told = shared.told.iter();
            let mut told = told.map(|it| it.load(Ordering::Relaxed));
            let all = told.all(|it| it == changing + 1);
            (all || callers.iter().any(JoinHandle::is_finished)).then_some(())
        })
        .await;
    }
    shared.stop.store(true, Ordering::Relaxed);
    for (asking, caller) in ALL.iter().zip(callers) {
        let (times, faults) = caller.await.unwrap();
        assert!(faults.is_empty(), "{faults:#?}");
        assert!(times >= RELOADS, "{asking:?} asked {times} times");
    }
    let past = running.stop().await;
    let changes = super::certificates::changes(&past);
    assert_eq!(changes.len(), RELOADS + 1);
    assert!(changes.iter().all(|it| it.faults == 0));
}

//! Which stage of a lookup a stack belongs to.
//!
//! A stack is read from the innermost frame outwards, and the first frame that a rule knows
//! decides. What no rule names (the standard library, containers, ciphers, hashes, copies of
//! memory) so counts as its caller's. Within one frame the first rule of a table wins.

use serde::Serialize;

use super::stacks::{Frame, Origin};

/// What the processor's time goes into, in the order in which it is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Stage {
    Sockets,
    Tls,
    Http2,
    Runtime,
    Kernel,
    Allocation,
    Call,
    Token,
    Decision,
    Limits,
    Owner,
    Mask,
    Record,
    LedgerWakes,
    LedgerTree,
    LedgerSync,
    Index,
    Telemetry,
    Other,
}

impl Stage {
    pub(crate) const ALL: [Self; 19] = [
        Self::Sockets,
        Self::Tls,
        Self::Http2,
        Self::Runtime,
        Self::Kernel,
        Self::Allocation,
        Self::Call,
        Self::Token,
        Self::Decision,
        Self::Limits,
        Self::Owner,
        Self::Mask,
        Self::Record,
        Self::LedgerWakes,
        Self::LedgerTree,
        Self::LedgerSync,
        Self::Index,
        Self::Telemetry,
        Self::Other,
    ];

    /// As people read it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Sockets => "sockets: send, receive, poll",
            Self::Tls => "TLS records",
            Self::Http2 => "HTTP/2",
            Self::Runtime => "tasks, wake-ups, channels",
            Self::Kernel => "interrupts, preemption, page faults",
            Self::Allocation => "memory allocation",
            Self::Call => "request and reply",
            Self::Token => "token",
            Self::Decision => "decision",
            Self::Limits => "limits and duties",
            Self::Owner => "connections to the owner",
            Self::Mask => "mask",
            Self::Record => "records: made, sealed, hashed",
            Self::LedgerWakes => "ledger: queue, wake-ups",
            Self::LedgerTree => "ledger: tree, signature",
            Self::LedgerSync => "ledger: write and sync",
            Self::Index => "search index",
            Self::Telemetry => "telemetry",
            Self::Other => "other",
        }
    }
}

/// Where a sample of a thread belongs: its stage, and the frame that decided.
pub(crate) fn place<'s>(thread: &str, stack: &'s [Frame]) -> (Stage, Option<&'s Frame>) {
    let known = |frame: &'s Frame| Some((stage(frame)?, frame));
    let (stage, frame) = match stack.iter().find_map(known) {
        Some((stage, frame)) => (stage, Some(frame)),
        None => (Stage::Other, None),
    };
    (on(thread, stage), frame)
}

/// The ledger's threads do nothing but the ledger's work, whatever it takes.
fn on(thread: &str, stage: Stage) -> Stage {
    // The kernel keeps fifteen letters of a thread's name.
    match thread {
        "ledger-index" => Stage::Index,
        "ledger-committe" => match stage {
            Stage::LedgerSync => Stage::LedgerSync,
            Stage::Runtime | Stage::LedgerWakes => Stage::LedgerWakes,
            _ => Stage::LedgerTree,
        },
        _ => stage,
    }
}

fn stage(frame: &Frame) -> Option<Stage> {
    let (rules, name) = match &frame.origin {
        Origin::Kernel => (KERNEL, &frame.symbol),
        Origin::Source(file) => (SOURCES, file),
        Origin::Unknown => (SYMBOLS, &frame.symbol),
    };
    let fits = |(start, _): &&(&str, Stage)| name.starts_with(start);
    rules.iter().find(fits).map(|(_, stage)| *stage)
}

/// By how the kernel's functions begin. System calls are their callers'.
const KERNEL: &[(&str, Stage)] = &[
    ("exit_to_user_mode_loop", Stage::Kernel),
    ("irqentry_exit", Stage::Kernel),
    ("asm_sysvec_", Stage::Kernel),
    ("asm_common_interrupt", Stage::Kernel),
    ("asm_exc_page_fault", Stage::Kernel),
];

/// By how the functions begin of which no source is known: the C library's.
const SYMBOLS: &[(&str, Stage)] = &[
    ("malloc", Stage::Allocation),
    ("_int_malloc", Stage::Allocation),
    ("_int_free", Stage::Allocation),
    ("cfree", Stage::Allocation),
    ("__libc_free", Stage::Allocation),
    ("free", Stage::Allocation),
    ("calloc", Stage::Allocation),
    ("__libc_calloc", Stage::Allocation),
    ("realloc", Stage::Allocation),
    ("_int_realloc", Stage::Allocation),
    ("_int_memalign", Stage::Allocation),
    ("_mid_memalign", Stage::Allocation),
    ("__posix_memalign", Stage::Allocation),
    ("posix_memalign", Stage::Allocation),
    ("unlink_chunk", Stage::Allocation),
    ("sysmalloc", Stage::Allocation),
    ("systrim", Stage::Allocation),
    ("tcache_", Stage::Allocation),
    ("mi_", Stage::Allocation),
    ("_mi_", Stage::Allocation),
];

/// By how the path of the source begins, as [`super::stacks`] shortens it.
const SOURCES: &[(&str, Stage)] = &[
    ("libmimalloc-sys/", Stage::Allocation),
    // The allocator is named there.
    ("crates/gateway/src/main.rs", Stage::Allocation),
    ("mio/src/waker", Stage::Runtime),
    ("mio/src/sys/unix/waker", Stage::Runtime),
    ("mio/", Stage::Sockets),
    ("socket2/", Stage::Sockets),
    ("library/std/src/net/", Stage::Sockets),
    ("library/std/src/sys/net/", Stage::Sockets),
    ("tokio/src/net/", Stage::Sockets),
    ("tokio/src/io/", Stage::Sockets),
    ("tokio/src/runtime/io/", Stage::Sockets),
    ("tokio/", Stage::Runtime),
    ("futures-", Stage::Runtime),
    ("atomic-waker/", Stage::Runtime),
    ("want/", Stage::Runtime),
    ("rustls/", Stage::Tls),
    ("tokio-rustls/", Stage::Tls),
    ("rustls-webpki/", Stage::Tls),
    ("h2/", Stage::Http2),
    ("hyper/", Stage::Http2),
    ("hyper-util/", Stage::Http2),
    ("tokio-util/", Stage::Http2),
    ("tonic/", Stage::Http2),
    ("tower/", Stage::Http2),
    ("tracing", Stage::Telemetry),
    ("opentelemetry", Stage::Telemetry),
    ("prometheus/", Stage::Telemetry),
    ("sharded-slab/", Stage::Telemetry),
    ("crates/gateway/src/telemetry", Stage::Telemetry),
    ("jsonwebtoken/", Stage::Token),
    ("crates/gateway/src/identity", Stage::Token),
    ("cedar-policy", Stage::Decision),
    ("crates/policy/", Stage::Decision),
    ("crates/exchange/src/limits", Stage::Limits),
    ("crates/exchange/src/reserved", Stage::Limits),
    ("crates/exchange/src/duties", Stage::Limits),
    ("crates/exchange/src/backing", Stage::Limits),
    ("crates/gateway/src/state", Stage::Limits),
    ("crates/gateway/src/owners", Stage::Owner),
    ("crates/exchange/src/provider", Stage::Owner),
    ("crates/mask/", Stage::Mask),
    ("crates/exchange/src/answer", Stage::Mask),
    ("crates/exchange/src/outcome", Stage::Record),
    ("crates/exchange/src/permitted", Stage::Record),
    ("crates/exchange/src/record", Stage::Record),
    ("crates/audit/src/index", Stage::Index),
    ("crates/audit/src/ledger/queue", Stage::LedgerWakes),
    ("crates/audit/src/ledger/committer", Stage::LedgerTree),
    ("crates/audit/src/ledger/shared", Stage::LedgerTree),
    ("crates/audit/src/checkpoint", Stage::LedgerTree),
    ("crates/audit/src/tree", Stage::LedgerTree),
    ("crates/audit/src/store", Stage::LedgerSync),
    ("crates/audit/src/segment", Stage::LedgerSync),
    ("crates/audit/src/disk", Stage::LedgerSync),
    ("crates/audit/", Stage::Record),
    ("crates/exchange/", Stage::Call),
    ("crates/gateway/", Stage::Call),
    ("tests/bench/src/pass_through", Stage::Call),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(symbol: &str, origin: Origin) -> Frame {
        let symbol = symbol.to_owned();
        Frame { symbol, origin }
    }

    fn source(file: &str) -> Frame {
        frame("", Origin::Source(file.to_owned()))
    }

    #[test]
    fn the_innermost_frame_that_a_rule_knows_decides() {
        let stack = [
            frame("sha256_block_data_order", Origin::Unknown),
            source("aws-lc-rs/src/digest.rs"),
            source("crates/audit/src/tree.rs"),
            source("tokio/src/runtime/task/core.rs"),
        ];
        let (stage, decided) = place("tokio-rt-worker", &stack);
        assert_eq!(stage, Stage::LedgerTree);
        assert_eq!(decided, stack.get(2));
        let tls = [
            source("aws-lc-rs/src/aead.rs"),
            source("rustls/src/conn.rs"),
        ];
        assert_eq!(place("tokio-rt-worker", &tls).0, Stage::Tls);
        assert_eq!(place("tokio-rt-worker", &[]), (Stage::Other, None));
    }

    #[test]
    fn memory_is_a_stage_of_its_own_and_system_calls_are_their_callers() {
        let memory = [
            frame("malloc", Origin::Unknown),
            source("h2/src/frame/headers.rs"),
        ];
        assert_eq!(place("", &memory).0, Stage::Allocation);
        let sent = [
            frame("tcp_sendmsg", Origin::Kernel),
            frame("writev", Origin::Unknown),
            source("library/std/src/sys/net/connection/socket/unix.rs"),
        ];
        assert_eq!(place("", &sent).0, Stage::Sockets);
        let preempted = [
            frame("schedule", Origin::Kernel),
            frame("irqentry_exit_to_user_mode", Origin::Kernel),
            source("h2/src/hpack/decoder.rs"),
        ];
        assert_eq!(place("", &preempted).0, Stage::Kernel);
    }

    #[test]
    fn what_the_ledgers_threads_do_is_the_ledgers() {
        let memory = [frame("malloc", Origin::Unknown)];
        assert_eq!(place("ledger-committe", &memory).0, Stage::LedgerTree);
        assert_eq!(place("ledger-index", &memory).0, Stage::Index);
        let woken = [source("tokio/src/sync/oneshot.rs")];
        assert_eq!(place("ledger-committe", &woken).0, Stage::LedgerWakes);
        let synced = [
            frame("ext4_sync_file", Origin::Kernel),
            source("crates/audit/src/store/files.rs"),
        ];
        assert_eq!(place("ledger-committe", &synced).0, Stage::LedgerSync);
    }

    #[test]
    fn no_rule_hides_another() {
        for rules in [KERNEL, SYMBOLS, SOURCES] {
            for (at, (later, _)) in rules.iter().enumerate() {
                let mut earlier = rules.iter().take(at);
                let hidden = earlier.find(|(start, _)| later.starts_with(start));
                assert_eq!(hidden, None, "{later}");
            }
        }
    }
}

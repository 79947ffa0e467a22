//! What `perf script` and `addr2line` print, read.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Result, ensure};

/// One interruption of a thread.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Sample<'t> {
    pub(crate) thread: &'t str,
    /// The innermost first.
    pub(crate) calls: Vec<Call<'t>>,
}

/// One function on a stack, as `perf` has it: others may be inlined into it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Call<'t> {
    pub(crate) address: u64,
    pub(crate) symbol: &'t str,
    object: &'t str,
}

/// One function on a stack, inlined or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) symbol: String,
    pub(crate) origin: Origin,
}

/// Where a function is from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    Kernel,
    /// The source's path, without what differs from one machine to the next, and without versions:
    /// `h2/src/client.rs`, `crates/audit/src/tree.rs`, `library/core/src/str.rs`.
    Source(String),
    Unknown,
}

/// Reads what `perf script -F comm,ip,sym,dso` prints: blocks that begin with a thread's name.
pub(crate) fn samples(script: &str) -> Vec<Sample<'_>> {
    let mut samples: Vec<Sample<'_>> = Vec::new();
    for line in script.lines() {
        if !line.starts_with(char::is_whitespace) {
            if !line.is_empty() {
                let thread = line.trim_end();
                let calls = Vec::new();
                samples.push(Sample { thread, calls });
            }
        } else if let (Some(sample), Some(call)) = (samples.last_mut(), call(line)) {
            sample.calls.push(call);
        }
    }
    samples
}

/// `  10983f7 motlan_audit::wire::frames_sha256 (/usr/bin/motlan)`.
fn call(line: &str) -> Option<Call<'_>> {
    let (address, rest) = line.trim().split_once(' ')?;
    let (symbol, object) = rest.rsplit_once(" (")?;
    Some(Call {
        address: u64::from_str_radix(address, 16).ok()?,
        symbol,
        object: object.trim_end_matches(')'),
    })
}

impl Call<'_> {
    /// Whether it is the kernel's, modules included.
    pub(crate) fn is_kernel(&self) -> bool {
        self.object.starts_with('[') && self.object != "[vdso]" && self.object != "[unknown]"
    }
}

/// All addresses within one object.
pub(crate) fn addresses(samples: &[Sample<'_>], object: &str) -> BTreeSet<u64> {
    let calls = samples.iter().flat_map(|sample| &sample.calls);
    let own = calls.filter(|call| call.object == object);
    own.map(|call| call.address).collect()
}

/// What the addresses of one object stand for.
pub(crate) struct Inlined<'o> {
    object: &'o str,
    frames: BTreeMap<u64, Vec<Frame>>,
}

impl<'o> Inlined<'o> {
    /// Reads what `addr2line -a -i -f -C` printed of `addresses` in their order: for each a line
    /// with the address, then pairs of lines, function and source, from what is inlined innermost
    /// to the function that is called.
    pub(crate) fn read(object: &'o str, addresses: &BTreeSet<u64>, printed: &str) -> Self {
        let mut frames: BTreeMap<u64, Vec<Frame>> = BTreeMap::new();
        let mut addresses = addresses.iter();
        let mut current = None;
        let mut lines = printed.lines();
        while let Some(line) = lines.next() {
            if line.starts_with("0x") {
                current = addresses.next().map(|at| frames.entry(*at).or_default());
            } else if let (Some(frames), Some(source)) = (&mut current, lines.next()) {
                frames.push(Frame {
                    symbol: line.to_owned(),
                    origin: origin(source),
                });
            }
        }
        Self { object, frames }
    }

    /// Fails where `perf` means others by these addresses, as it might if it counted them from
    /// elsewhere.
    pub(crate) fn check(&self, samples: &[Sample<'_>]) -> Result<()> {
        let calls = samples.iter().flat_map(|sample| &sample.calls);
        let (mut alike, mut all) = (0_usize, 0_usize);
        for call in calls.filter(|call| call.object == self.object) {
            let frames = self.frames.get(&call.address);
            let (Some(frame), name) = (frames.and_then(|it| it.last()), own_name(call.symbol))
            else {
                continue;
            };
            if !name.is_empty() {
                all += 1;
                alike += usize::from(frame.symbol.contains(name));
            }
        }
        ensure!(
            alike * 10 >= all * 9,
            "`perf` and `addr2line` name {alike} of {all} functions alike"
        );
        Ok(())
    }

    /// A stack with what is inlined, the innermost first.
    pub(crate) fn stack(&self, sample: &Sample<'_>) -> Vec<Frame> {
        let mut stack = Vec::new();
        for call in &sample.calls {
            let known = self.frames.get(&call.address);
            match known.filter(|it| call.object == self.object && !it.is_empty()) {
                Some(frames) => stack.extend(frames.iter().cloned()),
                None => stack.push(Frame {
                    symbol: call.symbol.to_owned(),
                    origin: match call.is_kernel() {
                        true => Origin::Kernel,
                        false => Origin::Unknown,
                    },
                }),
            }
        }
        stack
    }
}

/// The function's own name, without path, type and brackets.
fn own_name(symbol: &str) -> &str {
    let path = symbol.split("::<").next().unwrap_or(symbol);
    let last = path.rsplit("::").next().unwrap_or(path);
    let end = last.find(|letter: char| !letter.is_alphanumeric() && letter != '_');
    last.get(..end.unwrap_or(last.len())).unwrap_or(last)
}

/// `/home/x/.cargo/registry/src/host-hash/h2-0.4.20/src/client.rs:12` and the like, shortened.
fn origin(source: &str) -> Origin {
    let file = source.split(':').next().unwrap_or(source);
    if file.starts_with('?') {
        return Origin::Unknown;
    }
    let after = |mark: &str| file.split_once(mark).map(|(_, rest)| rest);
    let third = after("/registry/src/").and_then(|rest| rest.split_once('/'));
    if let Some((package, rest)) = third.and_then(|(_, rest)| rest.split_once('/')) {
        return Origin::Source(format!("{}/{rest}", without_version(package)));
    }
    // Our own may lie in a folder of any name.
    for folder in ["library/", "crates/", "tests/bench/"] {
        if let Some(rest) = after(&format!("/{folder}")) {
            return Origin::Source(format!("{folder}{rest}"));
        }
    }
    Origin::Source(file.to_owned())
}

/// `tokio-rustls` of `tokio-rustls-0.26.6`.
fn without_version(package: &str) -> &str {
    match package.rsplit_once('-') {
        Some((name, version)) if version.starts_with(|it: char| it.is_ascii_digit()) => name,
        _ => package,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCRIPT: &str = "\
io worker \n\
\tffffffff81632333 tcp_sendmsg+0x3 ([kernel.kallsyms])\n\
\t           98975 __writev (/lib/libc.so.6)\n\
\t            10f7 <a::B<C> as d::E (f)>::send::<g::H> (/opt/the gate/motlan)\n\
\t            2000 [unknown] (/opt/the gate/motlan)\n\
\n\
ledger-committe \n\
\t            10f7 a::send (/opt/the gate/motlan)\n\
\tnonsense\n";

    #[test]
    fn a_sample_has_a_thread_and_its_stack() {
        let samples = samples(SCRIPT);
        let [first, second] = samples.as_slice() else {
            panic!("{samples:?}");
        };
        assert_eq!((first.thread, first.calls.len()), ("io worker", 4));
        assert!(first.calls.first().unwrap().is_kernel());
        let third = first.calls.get(2).unwrap();
        assert_eq!(third.address, 0x10f7);
        assert_eq!(third.symbol, "<a::B<C> as d::E (f)>::send::<g::H>");
        assert_eq!(third.object, "/opt/the gate/motlan");
        assert!(!third.is_kernel());
        assert_eq!((second.thread, second.calls.len()), ("ledger-committe", 1));
        let own = addresses(&samples, "/opt/the gate/motlan");
        assert_eq!(own, BTreeSet::from([0x10f7, 0x2000]));
    }

    #[test]
    fn what_is_inlined_stands_inside_of_what_is_called() {
        let samples = samples(SCRIPT);
        let object = "/opt/the gate/motlan";
        let printed = "0x20f7\ncopy<u8>\n/rustc/0f/library/core/src/ptr/mod.rs:5\n\
                       send\n/h/registry/src/x-1/h2-0.4.20/src/client.rs:12 (discriminator 2)\n\
                       0x3000\n??\n??:0\n";
        let inlined = Inlined::read(object, &addresses(&samples, object), printed);
        inlined.check(&samples).unwrap();
        let stack = inlined.stack(samples.first().unwrap());
        let origins: Vec<&Origin> = stack.iter().map(|frame| &frame.origin).collect();
        let source = |file: &str| Origin::Source(file.to_owned());
        assert_eq!(
            origins,
            [
                &Origin::Kernel,
                &Origin::Unknown,
                &source("library/core/src/ptr/mod.rs"),
                &source("h2/src/client.rs"),
                &Origin::Unknown,
            ]
        );
    }

    #[test]
    fn addresses_that_mean_others_are_noticed() {
        let samples = samples(SCRIPT);
        let object = "/opt/the gate/motlan";
        let printed = "0x20f7\nreceive\n/x/crates/mask/src/lib.rs:5\n0x3000\n??\n??:0\n";
        let inlined = Inlined::read(object, &addresses(&samples, object), printed);
        inlined.check(&samples).unwrap_err();
    }

    #[test]
    fn a_source_is_shortened_to_what_is_alike_everywhere() {
        let source = |file: &str| match origin(file) {
            Origin::Source(file) => file,
            other => panic!("{other:?}"),
        };
        let own = "/home/x/mot-lan/crates/audit/src/tree.rs:1";
        assert_eq!(source(own), "crates/audit/src/tree.rs");
        assert_eq!(
            source("/r/registry/src/h-1/tokio-rustls-0.26.6/src/a.rs:1"),
            "tokio-rustls/src/a.rs"
        );
        assert_eq!(without_version("cedar-policy"), "cedar-policy");
        assert_eq!(own_name("<a::B<C> as d::E>::poll"), "poll");
        assert_eq!(own_name("a::call_once{{vtable.shim}}"), "call_once");
        assert_eq!(own_name("a::f::{{closure}}"), "");
    }
}

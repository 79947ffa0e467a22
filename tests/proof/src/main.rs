//! The binary `motlan-proof`: proves of the rules what no number of tests can show, for every
//! agreement and every question at once.
//!
//! In scope: the permit and the guards of `crates/policy/src/rules`, the texts that the gateway
//! runs, under every action of their schema, and the one rule that it joins from them and asks
//! first. `goals.cedar` says what is proved; that no rule ever fails, that something is allowed at
//! all, that the joined rule says what the rules say, and that an owner's rule can only take away,
//! come on top. Each is compiled to SMT and handed to cvc5. What does not hold is shown with a
//! counterexample that the engine itself, asked once more, agrees with. Then holes are planted
//! ([`holes`]), and each must be found: a proof that nothing can break proves nothing.
//!
//! Out of scope: what hands the rules their facts (signatures, clocks, catalogues), and which of
//! the grants that are allowed is the one; tests show that.
//!
//! Limits: a question takes cvc5 at most a minute; then it is undecided, and that is a fault.

mod counterexample;
mod goals;
mod holes;
// The gateway's own way of joining its rules, word for word.
#[path = "../../../crates/policy/src/engine/joined.rs"]
mod joined;
mod proofs;
mod prover;
mod rules;
mod texts;

use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use prover::Prover;

/// Proves what `goals.cedar` says of the rules, and finds every planted hole.
#[derive(Parser)]
struct Options {
    /// The solver: reads SMT-LIB on standard input, as cvc5 does.
    #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/cvc5"))]
    solver: String,
    /// Show a counterexample of each planted hole too.
    #[arg(long)]
    shown: bool,
}

fn main() -> ExitCode {
    match run(&Options::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("motlan-proof: {error:#}");
            ExitCode::from(2)
        }
    }
}

// R90: what is proved, and what would not be.
fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let begun = Instant::now();
    let all = runtime.block_on(async {
        let mut prover = Prover::new(&options.solver).await?;
        println!("{}", prover.version());
        let proved = proofs::run(&mut prover).await?;
        let found = holes::run(&mut prover, options.shown).await?;
        println!("{} questions to the solver", prover.questions());
        anyhow::Ok(proved && found)
    })?;
    println!("{:.1} s", begun.elapsed().as_secs_f64());
    Ok(if all {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

//! What each command does.

use std::fs;
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use bytes::Bytes;
use motlan_fuzz::corpus;
use motlan_fuzz::course::{self, Failure, Score};
use motlan_fuzz::mask::Harness;

use crate::options::{Command, Course};

pub(crate) fn run(command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Mask(course) => run_course(&course),
        Command::Replay { files } => replay(&files),
        Command::Unpack { folder, corpus } => unpack(&folder, corpus.as_deref()),
        Command::Pack { folder, file } => pack(&folder, &file),
    }
}

fn run_course(options: &Course) -> anyhow::Result<ExitCode> {
    let harness = Harness::new()?;
    let corpus = inputs(options.corpus.as_deref())?;
    println!(
        "{} inputs to start from, seed {}",
        corpus.len(),
        options.seed
    );
    let extent = (options.executions, options.seed);
    let course = course::run(&harness, &corpus, extent, |score| {
        eprintln!("{}", told(score))
    });
    println!("{}", told(&course.score));
    match course.failure {
        None => Ok(ExitCode::SUCCESS),
        Some(failure) => tell(&harness, &failure, &options.failures),
    }
}

fn told(score: &Score) -> String {
    format!(
        "{} executions in {:.1} s, {:.0}/s: {} accepted, {} refused; {} inputs in the pool",
        score.executions,
        score.elapsed.as_secs_f64(),
        score.per_second(),
        score.accepted,
        score.refused,
        score.pool,
    )
}

/// Writes the failing input to a file, and says how to see it again.
fn tell(harness: &Harness, failure: &Failure, folder: &Path) -> anyhow::Result<ExitCode> {
    println!("FAULT: {}", failure.fault);
    let found = corpus::write(folder, &failure.input)?;
    // A panic has said its word; there will be many more of the same.
    std::panic::set_hook(Box::new(|_| {}));
    let small = corpus::write(folder, &course::shrunk(harness, failure))?;
    for (what, file) in [("as found", found), ("shrunk", small)] {
        println!("{what}: {}", file.display());
        println!(
            "  cargo run --release -p motlan-fuzz -- replay {}",
            file.display()
        );
    }
    Ok(ExitCode::FAILURE)
}

fn replay(files: &[std::path::PathBuf]) -> anyhow::Result<ExitCode> {
    let harness = Harness::new()?;
    let mut code = ExitCode::SUCCESS;
    for file in files {
        let input = fs::read(file).with_context(|| format!("`{}`", file.display()))?;
        println!("{}: {} bytes", file.display(), input.len());
        if let Some((case, message)) = harness.case(&input) {
            println!("  message  {} {:02x?}", case.message, message);
            println!("  granted  {}", listed(&case.paths));
            match case.mask().apply(&Bytes::copy_from_slice(message)) {
                Err(error) => println!("  refused  {error}"),
                Ok(masked) => {
                    println!("  leaves   {:02x?}", &*masked.bytes);
                    println!(
                        "  dropped  {}",
                        listed(case.mask().dropped(&masked.withheld))
                    );
                    println!(
                        "  absent   {}",
                        listed(case.mask().absent(&masked.withheld))
                    );
                }
            }
        }
        match harness.check_afresh(&input) {
            Ok(_) => println!("  as it should be"),
            Err(fault) => {
                println!("  FAULT: {fault}");
                code = ExitCode::FAILURE;
            }
        }
    }
    Ok(code)
}

fn listed(names: impl IntoIterator<Item = impl AsRef<str>>) -> String {
    let names: Vec<String> = names.into_iter().map(|it| it.as_ref().to_owned()).collect();
    match names.is_empty() {
        true => "nothing".to_owned(),
        false => names.join(" "),
    }
}

fn unpack(folder: &Path, corpus: Option<&Path>) -> anyhow::Result<ExitCode> {
    let inputs = inputs(corpus)?;
    for input in &inputs {
        corpus::write(folder, input)?;
    }
    println!("{} inputs in {}", inputs.len(), folder.display());
    Ok(ExitCode::SUCCESS)
}

fn pack(folder: &Path, file: &Path) -> anyhow::Result<ExitCode> {
    let inputs = corpus::read(folder)?;
    let packed = corpus::pack(&inputs);
    fs::write(file, &packed).with_context(|| format!("`{}`", file.display()))?;
    println!("{} inputs in {}", packed.lines().count(), file.display());
    Ok(ExitCode::SUCCESS)
}

fn inputs(corpus: Option<&Path>) -> Result<Vec<Vec<u8>>, corpus::CorpusError> {
    match corpus {
        Some(path) => corpus::read(path),
        None => corpus::unpack(corpus::MASK),
    }
}

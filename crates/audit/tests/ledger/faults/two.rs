//! Two faults: one in a run, and another when it is run again, on the disk as it is or on what a
//! kill or a power cut left of it. A sample, by a seed: there are too many to try them all.

use motlan_testkit::disk::Trouble;
use motlan_testkit::sample::Random;

use super::bench::Bench;
use super::script::Script;

const SEED: u64 = 2026;
/// How many pairs are tried of each script.
const PAIRS: usize = 40;

#[tokio::test]
async fn after_two_faults_all_that_was_acknowledged_is_found_again() {
    let mut random = Random::new(SEED);
    let short = |script: &Script| *script != Script::Tile;
    for script in Script::ALL.into_iter().filter(short) {
        let bench = Bench::new(script).await;
        let operations = bench.run(&[]).await.disk.operations();
        let tried = script.tried(&operations);
        let mut reached = 0;
        for pair in 0..PAIRS {
            let (nth, operation) = *random.choose(&tried).unwrap();
            let befalls = |trouble: &Trouble| trouble.can_befall(operation);
            let troubles: Vec<_> = Trouble::HONEST.into_iter().filter(befalls).collect();
            let first = *random.choose(&troubles).unwrap();
            let run = bench.run(&[(nth, first)]).await;
            let fates = run.disk.fates();
            let fate = random.choose(&fates).cloned();
            let fate = fate.filter(|_| random.chance(70));
            let due = random.between(0, operations.len() as u32 - 1) as usize;
            let second = *random.choose(&Trouble::HONEST).unwrap();
            let told = format!("{script} {pair}: {nth} {first}, {fate:?}, {due} {second}");
            let run = run.again(fate.as_ref(), due, second).await;
            reached += usize::from(run.heard.ended != "all goes well");
            if let Err(why) = run.examine().await {
                panic!("{told}, {}: {why}", run.heard.ended);
            }
        }
        // Else the second fault lay behind the end of nearly every run.
        assert!(reached > PAIRS / 4, "{script}: {reached}");
        println!("{script}: {reached} of {PAIRS} second faults are heard of");
    }
}

//! `motlan policy replay`, and `motlan policy explain --record`.

use anyhow::{Context as _, Result, ensure};

use super::past::{NO_GRANT, Past, said};
use super::sets::Flavour;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn past_records_are_decided_by_a_candidate_and_each_difference_is_named() -> Result<()> {
    // R89.
    let past = Past::made().await?;
    let same = said(past.replay(&[])?, 1)?;
    let due = [
        "\n5 compared, 3 alike, 2 different\n",
        "1 fields: H26/one-stop vn.population.v1.PopulationRegistry/GetPerson for 1.004222\n",
        "1 allowed: H26/one-stop vn.population.v1.PopulationRegistry/GetPerson for 1.014177\n",
        "  was       refused, PURPOSE_NOT_COVERED\n",
        "  would be  allowed by g01-h26-population-2026/person, identity\n",
        "\ntaken for granted\n  2  decided by a revision that is not at hand",
    ];
    for due in due {
        ensure!(same.contains(due), "no `{due}`:\n{same}");
    }
    let seen = format!("  seen      {}\n", past.record(2));
    ensure!(same.contains(&seen), "no `{seen}`:\n{same}");

    past.candidate(&Flavour::Household.agreement())?;
    let other = said(past.replay(&[])?, 1)?;
    // Under the revision at hand it is known which fields left, down to what lies within messages.
    let gains = "  would be  allowed by g01-h26-population-2026/person, household\n  gains     \
                 current_address.commune_code";
    let refused = "1 refused: H26/one-stop vn.population.v1.PopulationRegistry/GetPerson for \
                   1.014177\n  was       allowed by g01-h26-population-2026/person, identity\n  \
                   would be  refused, PURPOSE_NOT_COVERED\n  loses     date_of_birth.day";
    for due in ["\n5 compared, 1 alike, 4 different\n", gains, refused] {
        ensure!(other.contains(due), "no `{due}`:\n{other}");
    }
    // No day but today has any.
    let none = said(past.replay(&["--until", "2026-01-02"])?, 2)?;
    ensure!(
        none.contains("\n0 compared, 0 alike, 0 different"),
        "{none}"
    );
    past.candidate("version = \"none\"")?;
    let fault = past.replay(&[])?.exited(1)?;
    ensure!(
        fault.out.is_empty() && fault.err.contains("`version`"),
        "{fault:?}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_grant_that_was_cited_is_part_of_the_question_and_any_other_name_is_not_on_record()
-> Result<()> {
    // R89.
    let past = Past::made().await?;
    let renamed = Flavour::Identity
        .agreement()
        .replace("id = \"person\"", "id = \"citizen\"");
    past.candidate(&renamed)?;
    let renamed = said(past.replay(&[])?, 1)?;
    let cited = format!(
        "  would be  refused, GRANT_UNKNOWN\n  loses     date_of_birth.day date_of_birth.month \
         date_of_birth.year full_name personal_id sex\n  seen      {}\n",
        past.record(8)
    );
    ensure!(renamed.contains(&cited), "no `{cited}`:\n{renamed}");
    let unknown = format!(
        "\nnot compared\n  1  a grant was cited that is none, and it is not on record\n     {}\n",
        past.record(10)
    );
    ensure!(renamed.contains(&unknown), "no `{unknown}`:\n{renamed}");
    let record = past
        .deployment
        .entries()?
        .pop()
        .context("no record")?
        .record;
    ensure!(
        record.reason == "GRANT_UNKNOWN" && record.grant_cited.is_empty(),
        "{record:?}"
    );
    ensure!(!format!("{record:?}").contains(NO_GRANT), "{record:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_record_no_longer_tells_is_not_guessed() -> Result<()> {
    // R89: without the sealed part nobody knows whether a dossier was named.
    let past = Past::made().await?;
    let demanding = Flavour::Identity.agreement().replace(
        "\n[[test]]\nname = \"allowed\"",
        "dossier = \"required\"\n\n[[test]]\nname = \"allowed\"\ndossier = true",
    );
    past.candidate(&demanding)?;
    let known = said(past.replay(&[])?, 1)?;
    ensure!(
        known.contains("would be  refused, DOSSIER_REQUIRED"),
        "{known}"
    );
    ensure!(!known.contains("cannot be read"), "{known}");
    past.erase()?;
    // That is not to be taken for no difference.
    let erased = said(past.replay(&[])?, 2)?;
    let due = "  5  whether a dossier was named cannot be read any more, and it \
               matters\n";
    ensure!(
        erased.contains("\n0 compared, 0 alike, 0 different\n"),
        "{erased}"
    );
    ensure!(erased.contains(due), "{erased}");
    let explained = said(past.explain(&past.record(4))?, 0)?;
    ensure!(
        explained.contains("its sealed part cannot be read"),
        "{explained}"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_is_explained_by_what_decided_it_or_it_is_said_that_it_is_not() -> Result<()> {
    // R89.
    let past = Past::made().await?;
    let own = said(past.explain(&past.record(5))?, 0)?;
    let begin = format!(
        "{}: allowed by g01-h26-population-2026/person, identity\nby revision ",
        past.record(4)
    );
    ensure!(own.starts_with(&begin), "{own}");
    ensure!(
        own.contains(", which is at hand\n\nH26/one-stop asks population/GetPerson"),
        "{own}"
    );
    ensure!(
        own.contains("    ok   resource.procedures.contains(context.procedure)\n"),
        "{own}"
    );

    let older = said(past.explain(&past.record(2))?, 0)?;
    let begin = format!(
        "{}: refused, PURPOSE_NOT_COVERED\nby revision ",
        past.record(2)
    );
    ensure!(older.starts_with(&begin), "{older}");
    ensure!(
        older.contains(", which is at hand and did not decide it:\n"),
        "{older}"
    );
    ensure!(
        older.contains("\nallowed by g01-h26-population-2026/person\n"),
        "{older}"
    );

    let none = past.explain(&past.record(99))?.exited(1)?;
    ensure!(none.err.contains("there is no record"), "{none:?}");
    Ok(())
}

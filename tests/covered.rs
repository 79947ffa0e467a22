//! Values of which an agreement lets only a part leave.

use motlan_testkit::client::Reply;
use motlan_testkit::contracts::population::v1::Person;
use prost::Message as _;
use tonic::Code;

use crate::system::question::person;
use crate::system::running::Laid;

const AGREEMENT: &str = "catalog/agreements/g01-h26-population.toml";
const MASK: &str = "obligations = { mask = [\
                    { field = \"personal_id\", keep_last = 4 }, \
                    { field = \"permanent_residence.street\", keep_first = 2 }] }";

/// The last four characters, and a star for each of the others.
fn but_the_last_four(value: &str) -> String {
    let covered = value.chars().count() - 4;
    let kept: String = value.chars().skip(covered).collect();
    format!("{}{kept}", "*".repeat(covered))
}

/// The one person of a reply.
#[track_caller]
fn only(reply: &Reply) -> Person {
    assert_eq!(reply.code(), Code::Ok, "{:?}", reply.status);
    let messages = reply.messages().unwrap();
    let [message] = messages.as_slice() else {
        panic!("{} messages", messages.len())
    };
    Person::decode(message.clone()).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_covered_part_of_a_value_leaves_neither_whole_nor_where_it_is_asked_for_by_name() {
    // R92.
    let laid = Laid::out().await;
    let text = include_str!("../deploy/catalog/agreements/g01-h26-population.toml");
    let view = "view = \"residence\"\n";
    let masked = text.replacen(view, &format!("{view}{MASK}\n"), 1);
    assert_ne!(masked, text);
    laid.world.write(AGREEMENT, &masked).unwrap();
    let running = laid.start().await;
    let id = running.roles().person;

    let reply = running.ask(&person(&id)).await;
    assert!(!reply.contains(&id));
    let whole = only(&reply);
    assert_eq!(whole.personal_id, but_the_last_four(&id));
    let mut known = running.world().sample().people.iter();
    let known = known.find(|one| one.personal_id == id).unwrap();
    assert_eq!(whole.full_name, known.full_name);
    let street = whole.permanent_residence.unwrap().street;
    let mut letters = street.chars();
    assert_eq!(letters.by_ref().take(2).filter(|it| *it == '*').count(), 0);
    assert!(letters.clone().count() > 0 && letters.all(|it| it == '*'));

    for fields in ["personal_id", "full_name,personal_id"] {
        let reply = running
            .ask(&person(&id).with("motlan-fields", fields))
            .await;
        let part = only(&reply);
        assert_eq!(part.personal_id, but_the_last_four(&id));
        assert_eq!(part.permanent_residence, None);
    }
    // What is covered is not asked for to be uncovered.
    let reply = running
        .ask(&person(&id).with("motlan-fields", "full_name"))
        .await;
    let part = only(&reply);
    assert_eq!(
        (part.full_name, part.personal_id.as_str()),
        (whole.full_name, "")
    );
    running.stop().await;
}

//! A permit of one's own making.
use motlan_policy::Permit;

fn forged(honest: Permit) -> Permit {
    Permit { grant: honest.grant().clone(), ..honest }
}

fn main() {}

//! A permit of one's own making.
use motlan_policy::Permit;

fn forged(honest: Permit) -> Permit {
    Permit { narrowed: Vec::new(), ..honest }
}

fn main() {}

//! A catalogue in force that was not verified.
use motlan_catalog::{Catalog, SignedCatalog};

fn taken(catalog: Catalog) -> SignedCatalog {
    SignedCatalog { catalog }
}

fn main() {}

//! The models that can be downloaded, each with how it would fit.

use super::Shelf;
use crate::view::CatalogModel;

/// The day the catalog was checked.
pub(crate) const CATALOG_DATE: &str = "";

impl Shelf {
    /// The catalog, as this computer is now.
    pub(crate) async fn catalog(&self) -> Vec<CatalogModel> {
        Vec::new()
    }
}

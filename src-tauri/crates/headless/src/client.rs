use drawbridge_core::clients::{self, KeepToken};
use drawbridge_model::ClientName;

use crate::{EXIT_OK, EXIT_TROUBLE, Places};

/// Lets an app connect and prints its token, once.
pub(crate) async fn add(name: ClientName, places: Places) -> anyhow::Result<u8> {
    // A config of its own is a test, a container or a second installation: its tokens are not
    // mixed with those of the person's own apps.
    let keep = if places.are_given() { KeepToken::Nowhere } else { KeepToken::InKeyring };
    let paths = places.paths()?;
    match clients::add(&paths, &name, keep).await {
        Ok(token) => {
            println!("{}", token.secret().expose());
            eprintln!("{name} may connect now. This token is not shown again.");
            Ok(EXIT_OK)
        }
        Err(problem) => {
            eprintln!("{}", problem.message);
            Ok(EXIT_TROUBLE)
        }
    }
}

/// Lists the apps that may connect, a line each.
pub(crate) async fn list(places: Places) -> anyhow::Result<u8> {
    match clients::list(&places.paths()?).await {
        Ok(names) => {
            for name in names {
                println!("{name}");
            }
            Ok(EXIT_OK)
        }
        Err(problem) => {
            eprintln!("{}", problem.message);
            Ok(EXIT_TROUBLE)
        }
    }
}

/// Takes an app's permission away.
pub(crate) async fn remove(name: ClientName, places: Places) -> anyhow::Result<u8> {
    match clients::remove(&places.paths()?, &name).await {
        Ok(()) => {
            eprintln!("{name} may no longer connect.");
            Ok(EXIT_OK)
        }
        Err(problem) => {
            eprintln!("{}", problem.message);
            Ok(EXIT_TROUBLE)
        }
    }
}

use drawbridge_core::pins;
use drawbridge_model::{ServerName, ToolName};

use crate::{EXIT_OK, EXIT_TROUBLE, Places};

/// Lists the tools that were seen or are held back, a line each.
pub(crate) async fn list(places: Places) -> anyhow::Result<u8> {
    match pins::list(&places.paths()?).await {
        Ok(tools) => {
            for pinned in tools {
                println!("{}\t{}\t{}", pinned.server, pinned.tool, pinned.state);
            }
            Ok(EXIT_OK)
        }
        Err(problem) => {
            eprintln!("{}", problem.message);
            Ok(EXIT_TROUBLE)
        }
    }
}

/// Accepts tools that are held back, and says which.
pub(crate) async fn accept(
    server: Option<ServerName>,
    tool: Option<ToolName>,
    places: Places,
) -> anyhow::Result<u8> {
    match pins::accept(&places.paths()?, server.as_ref(), tool.as_ref()).await {
        Ok(accepted) if accepted.is_empty() => {
            eprintln!("Nothing of that kind is held back.");
            Ok(EXIT_OK)
        }
        Ok(accepted) => {
            for (server, tool) in accepted {
                println!("{server}\t{tool}");
            }
            Ok(EXIT_OK)
        }
        Err(problem) => {
            eprintln!("{}", problem.message);
            Ok(EXIT_TROUBLE)
        }
    }
}

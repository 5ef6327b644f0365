//! The models a server has, in memory and, where it has a folder, in the folder.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use sha2::{Digest as _, Sha256};

use crate::clock;
use crate::script::{Model, Script};

/// How old a download that was begun must be to be cleaned up.
const STALE: Duration = Duration::from_secs(3600);

/// The name as it is shown, with its tag, and how it is written in full.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Name {
    pub(crate) short: String,
    host: String,
    namespace: String,
    model: String,
    tag: String,
}

impl Name {
    /// Reads a name; none when it is not one.
    pub(crate) fn parse(text: &str) -> Option<Name> {
        let text = text.split_once("://").map_or(text, |(_, rest)| rest);
        let (path, tag) = match text.rsplit_once(':') {
            Some((path, tag)) if !tag.contains('/') => (path, tag),
            _ => (text, "latest"),
        };
        let mut parts = path.rsplitn(3, '/');
        let model = parts.next().unwrap_or_default();
        let namespace = parts.next().unwrap_or("library");
        let host = parts.next().unwrap_or("registry.ollama.ai");
        let good = |part: &str| {
            part.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
                && part.chars().all(|c| c.is_ascii_alphanumeric() || "._-:".contains(c))
        };
        if ![model, namespace, host, tag].into_iter().all(good) {
            return None;
        }
        let short = match (host, namespace) {
            ("registry.ollama.ai", "library") => format!("{model}:{tag}"),
            ("registry.ollama.ai", _) => format!("{namespace}/{model}:{tag}"),
            _ => format!("{host}/{namespace}/{model}:{tag}"),
        };
        Some(Name {
            short,
            host: host.to_owned(),
            namespace: namespace.to_owned(),
            model: model.to_owned(),
            tag: tag.to_owned(),
        })
    }

    /// In full.
    pub(crate) fn full(&self) -> String {
        format!("{}/{}/{}:{}", self.host, self.namespace, self.model, self.tag)
    }

    /// Whose it is.
    pub(crate) fn namespace(&self) -> &str {
        &self.namespace
    }

    fn manifest(&self, folder: &Path) -> PathBuf {
        folder
            .join("manifests")
            .join(&self.host)
            .join(&self.namespace)
            .join(&self.model)
            .join(&self.tag)
    }
}

/// Whether a name asks for a model that runs elsewhere.
pub(crate) fn is_cloud(name: &str) -> bool {
    name.ends_with(":cloud")
        || name.rsplit_once(':').is_some_and(|(_, tag)| tag.ends_with("-cloud"))
}

/// The digest of some text, without `sha256:`.
pub(crate) fn digest_of(text: &str) -> String {
    hex::encode(Sha256::digest(text.as_bytes()))
}

/// All models.
pub(crate) struct Catalog {
    folder: Option<PathBuf>,
    models: Vec<Model>,
    /// What the folder held at the start and what of it was cleaned up.
    pub(crate) blobs: (usize, usize),
}

impl Catalog {
    pub(crate) fn open(
        script: &Script,
        folder: Option<PathBuf>,
        no_prune: bool,
    ) -> io::Result<Catalog> {
        let mut catalog = Catalog { folder, models: Vec::new(), blobs: (0, 0) };
        let Some(folder) = catalog.folder.clone() else {
            for model in &script.models {
                catalog.models.push(completed(model.clone()));
            }
            return Ok(catalog);
        };
        let blobs = folder.join("blobs");
        fs::create_dir_all(&blobs)?;
        for entry in fs::read_dir(&blobs)? {
            let entry = entry?;
            catalog.blobs.0 += 1;
            let partial = entry.file_name().to_string_lossy().contains("-partial");
            let age = entry.metadata()?.modified()?.elapsed().unwrap_or_default();
            if partial && age > STALE && !no_prune {
                fs::remove_file(entry.path())?;
                catalog.blobs.1 += 1;
            }
        }
        // The models of the script are put into a folder once: what is deleted stays deleted.
        let seeded = folder.join(".seeded");
        if seeded.exists() {
            catalog.read(&folder.join("manifests"))?;
        } else {
            catalog.read(&folder.join("manifests"))?;
            for model in &script.models {
                catalog.add(model.clone())?;
            }
            File::create(seeded)?;
        }
        Ok(catalog)
    }

    fn read(&mut self, folder: &Path) -> io::Result<()> {
        if !folder.is_dir() {
            return Ok(());
        }
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                self.read(&path)?;
            } else if let Ok(manifest) =
                serde_json::from_slice::<serde_json::Value>(&fs::read(&path)?)
                && let Some(model) = manifest.get("scripted")
            {
                self.models.push(serde_json::from_value(model.clone())?);
            }
        }
        Ok(())
    }

    /// The folder for layers.
    pub(crate) fn blobs_folder(&self) -> Option<PathBuf> {
        self.folder.as_ref().map(|folder| folder.join("blobs"))
    }

    /// Newest first, as they are listed; what is of the same second goes by name.
    pub(crate) fn list(&self) -> Vec<Model> {
        let mut models = self.models.clone();
        let second = |model: &Model| model.modified_at.get(..19).map(str::to_owned);
        models.sort_by(|a, b| second(b).cmp(&second(a)).then(a.name.cmp(&b.name)));
        models
    }

    pub(crate) fn find(&self, name: &Name) -> Option<&Model> {
        self.models.iter().find(|model| model.name.eq_ignore_ascii_case(&name.short))
    }

    /// Adds a model or puts it in the place of one with its name.
    pub(crate) fn add(&mut self, model: Model) -> io::Result<()> {
        let model = completed(model);
        let Some(name) = Name::parse(&model.name) else { return Ok(()) };
        if let Some(folder) = &self.folder {
            let path = name.manifest(folder);
            fs::create_dir_all(path.parent().unwrap_or(folder))?;
            let layer = format!("sha256:{}", model.digest);
            let manifest = serde_json::json!({
                "schemaVersion": 2,
                "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
                "layers": [{
                    "mediaType": "application/vnd.ollama.image.model",
                    "digest": layer,
                    "size": model.size,
                }],
                "scripted": model,
            });
            File::create(path)?.write_all(manifest.to_string().as_bytes())?;
        }
        self.models.retain(|one| !one.name.eq_ignore_ascii_case(&model.name));
        self.models.push(model);
        Ok(())
    }

    /// Removes a model; false when there is none of the name.
    pub(crate) fn remove(&mut self, name: &Name) -> io::Result<bool> {
        let before = self.models.len();
        self.models.retain(|one| !one.name.eq_ignore_ascii_case(&name.short));
        if self.models.len() == before {
            return Ok(false);
        }
        if let Some(folder) = &self.folder {
            let path = name.manifest(folder);
            if path.exists() {
                fs::remove_file(path)?;
            }
        }
        Ok(true)
    }
}

/// A model with everything a script may leave out.
fn completed(mut model: Model) -> Model {
    if let Some(name) = Name::parse(&model.name) {
        model.name = name.short;
    }
    if model.digest.is_empty() {
        model.digest = digest_of(&format!("{} {}", model.name, model.size));
    }
    if model.families.is_empty() {
        model.families = vec![model.family.clone()];
    }
    if model.modified_at.is_empty() {
        model.modified_at = clock::rfc3339(SystemTime::now());
    }
    model
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_shown_as_short_as_they_can_be() {
        let short = |text: &str| Name::parse(text).map(|name| name.short);
        assert_eq!(short("tiny").as_deref(), Some("tiny:latest"));
        assert_eq!(short("library/tiny:1b").as_deref(), Some("tiny:1b"));
        assert_eq!(short("registry.ollama.ai/library/tiny").as_deref(), Some("tiny:latest"));
        assert_eq!(short("me/tiny").as_deref(), Some("me/tiny:latest"));
        assert_eq!(short("hf.co/me/tiny:Q4").as_deref(), Some("hf.co/me/tiny:Q4"));
        assert_eq!(short(""), None);
        assert_eq!(short("!!"), None);
        let full = Name::parse("tiny").unwrap().full();
        assert_eq!(full, "registry.ollama.ai/library/tiny:latest");
    }

    #[test]
    fn what_was_deleted_stays_deleted() {
        let folder = tempfile::tempdir().unwrap();
        let path = Some(folder.path().to_owned());
        let model = Model { name: "tiny".to_owned(), ..Model::default() };
        let script = Script { models: vec![model], ..Script::default() };
        let mut catalog = Catalog::open(&script, path.clone(), false).unwrap();
        let name = Name::parse("tiny").unwrap();
        assert!(catalog.find(&name).is_some());
        assert!(catalog.remove(&name).unwrap());
        assert!(!catalog.remove(&name).unwrap());
        let catalog = Catalog::open(&script, path, false).unwrap();
        assert!(catalog.list().is_empty());
    }
}

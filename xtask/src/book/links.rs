//! Links of the pages: files that are there, headings that are there.

use std::path::{Path, PathBuf};

use anyhow::bail;

/// An error that lists every link of the pages that leads nowhere. Links to other hosts are not followed.
pub(super) fn check(root: &Path) -> anyhow::Result<()> {
    let mut broken = Vec::new();
    for page in pages(root)? {
        let text = std::fs::read_to_string(&page)?;
        let folder = page.parent().unwrap_or(root);
        for link in links(&text) {
            if link.contains("://") || link.starts_with("mailto:") {
                continue;
            }
            let (file, heading) = link.split_once('#').unwrap_or((&link, ""));
            let target = match file {
                "" => page.clone(),
                file => folder.join(file),
            };
            let whole = match heading {
                "" => target.exists(),
                heading => std::fs::read_to_string(&target)
                    .is_ok_and(|text| anchors(&text).iter().any(|anchor| anchor == heading)),
            };
            if !whole {
                broken.push(format!(
                    "{}: {link}",
                    page.strip_prefix(root).unwrap_or(&page).display()
                ));
            }
        }
    }
    if !broken.is_empty() {
        bail!("links that lead nowhere:\n  {}", broken.join("\n  "));
    }
    let listed = std::fs::read_to_string(root.join("docs/SUMMARY.md"))?;
    let unlisted: Vec<String> = std::fs::read_dir(root.join("docs"))?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| {
            name.ends_with(".md") && name != "SUMMARY.md" && !listed.contains(&format!("({name})"))
        })
        .collect();
    if !unlisted.is_empty() {
        bail!("not in docs/SUMMARY.md: {}", unlisted.join(", "));
    }
    Ok(())
}

/// The pages of the workspace: in the root, in `docs`, and in the crates' own `docs`.
fn pages(root: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let mut folders = vec![root.to_path_buf(), root.join("docs")];
    for entry in std::fs::read_dir(root.join("crates"))? {
        folders.push(entry?.path().join("docs"));
    }
    let mut pages = Vec::new();
    for folder in folders.iter().filter(|folder| folder.is_dir()) {
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            if path.extension().is_some_and(|ending| ending == "md") {
                pages.push(path);
            }
        }
    }
    pages.sort();
    Ok(pages)
}

/// Targets of the links of a page, those in code left out.
fn links(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for line in prose(text) {
        let mut rest = line.as_str();
        while let Some(at) = rest.find("](") {
            rest = &rest[at + 2..];
            let Some(end) = rest.find(')') else {
                break;
            };
            let target = rest[..end].split(' ').next().unwrap_or_default();
            found.push(target.to_string());
            rest = &rest[end..];
        }
    }
    found
}

/// Anchors of the headings of a page, as GitHub and mdBook make them.
fn anchors(text: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut fenced = false;
    for line in text.lines() {
        fenced ^= line.trim_start().starts_with("```");
        let heading = line.trim_start_matches('#');
        if fenced || heading.len() == line.len() || !heading.starts_with(' ') {
            continue;
        }
        let letters = heading.trim().to_lowercase();
        let anchor: String = letters
            .chars()
            .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'))
            .map(|c| if c == ' ' { '-' } else { c })
            .collect();
        let again = found.iter().filter(|other| **other == anchor).count();
        found.push(match again {
            0 => anchor,
            again => format!("{anchor}-{again}"),
        });
    }
    found
}

/// The lines of a page without blocks and spans of code.
fn prose(text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut fenced = false;
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            // every other piece between backticks is code; in a link's text it is the text's business
            let pieces = line.split('`').enumerate();
            let kept = pieces.map(|(i, piece)| if i % 2 == 0 { piece } else { "" });
            lines.push(kept.collect::<String>());
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_and_anchors_are_found() {
        let page = "# A b: `C`\n[x](y.md) `[no](no.md)` and [`z`](../z.md#a-b-c)\n```\n[no](no.md)\n# no\n```\n## A b: C\n";
        assert_eq!(links(page), ["y.md", "../z.md#a-b-c"]);
        assert_eq!(anchors(page), ["a-b-c", "a-b-c-1"]);
    }
}

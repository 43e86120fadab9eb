import { existsSync, readFileSync } from 'node:fs';

export interface PageFile {
  readonly type: string;
  readonly body: Buffer;
}

const NAMES: Readonly<Record<string, string>> = {
  'index.html': 'text/html; charset=utf-8',
  'style.css': 'text/css; charset=utf-8',
  'app.js': 'text/javascript; charset=utf-8',
  'connection.js': 'text/javascript; charset=utf-8',
  'explain.js': 'text/javascript; charset=utf-8',
  'format.js': 'text/javascript; charset=utf-8',
  'panels.js': 'text/javascript; charset=utf-8',
  'tree.js': 'text/javascript; charset=utf-8',
  'icon.svg': 'image/svg+xml',
};

/** The files of `dashboard/` by URL path, read once. A fixed list, so that no path of a request ever reaches the disk. */
export function loadPage(): ReadonlyMap<string, PageFile> {
  const folder = pageFolder();
  const page = new Map<string, PageFile>();
  for (const [name, type] of Object.entries(NAMES)) {
    const file = { type, body: readFileSync(new URL(name, folder)) };
    page.set(name === 'index.html' ? '/' : `/${name}`, file);
  }
  return page;
}

/** `dashboard/` of the repository, from the sources or from the compiled output. */
function pageFolder(): URL {
  const places = ['../../dashboard/', '../../../dashboard/'].map((place) => new URL(place, import.meta.url));
  const found = places.find((place) => existsSync(new URL('index.html', place)));
  if (found === undefined) throw new Error('the folder dashboard/ is missing');
  return found;
}

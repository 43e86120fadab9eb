/** Answers to one node's requests come under a prefix of its own, so that no other node can be allowed to listen to them. */
export function inboxPrefixOf(sender: string): string {
  return `_INBOX.${sender.replaceAll(/[^A-Za-z0-9_-]/g, '_')}`;
}

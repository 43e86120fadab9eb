import type { PremiumRow } from '../messages/premium.js';
import type { Amount } from '../alerts/inventory-watch.js';
import type { MessengerTrouble, SendAnswer, UpdatesAnswer } from '../ports/messenger.js';

/** What the actor of alerts tells itself: the beats of its timers, and answers of store, disk and messenger. */
export type AlertsMessage =
  | { readonly kind: 'look' }
  | { readonly kind: 'askLease' }
  | { readonly kind: 'leased' }
  | { readonly kind: 'sent'; readonly at: number; readonly isReply: boolean; readonly answer: SendAnswer }
  | { readonly kind: 'named'; readonly me: { readonly kind: 'me'; readonly name: string } | MessengerTrouble }
  | { readonly kind: 'heard'; readonly answer: UpdatesAnswer }
  | { readonly kind: 'answered'; readonly chat: string; readonly text: string }
  | { readonly kind: 'written' }
  | { readonly kind: 'notWritten'; readonly error: string }
  | { readonly kind: 'countHoldings' }
  | { readonly kind: 'holdings'; readonly holdings: readonly Amount[] | null }
  | { readonly kind: 'noHoldings'; readonly error: string }
  | { readonly kind: 'countPremiums' }
  | { readonly kind: 'premiums'; readonly rows: readonly PremiumRow[] }
  | { readonly kind: 'noPremiums'; readonly error: string };

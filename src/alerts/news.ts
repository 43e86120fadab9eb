import { MESSAGES, type MessageOf } from '../messages/catalogue.js';
import { AccountNews } from './account-news.js';
import type { Alert } from './alert.js';
import { memberAlert } from './from-members.js';
import { supervisionAlert } from './from-supervision.js';
import {
  arbitrageAlert,
  breakerAlert,
  dayAlert,
  flowAlert,
  haltAlert,
  limitsAlert,
  marketAlert,
  walletAlert,
} from './from-trading.js';

/** What alerts are made of. */
export const NEWS_KINDS = [
  'supervisionEvent',
  'memberChanged',
  'arbitrageClosed',
  'haltChanged',
  'breakerChanged',
  'limitsChanged',
  'gatewayStatus',
  'externalFlow',
  'instrumentStateChanged',
  'walletStateChanged',
  'dayClosed',
] as const;
export type NewsKind = (typeof NEWS_KINDS)[number];

/** Where a kind is heard. */
export const newsSubject = (kind: NewsKind): string => MESSAGES[kind].subject;

export type NewsMessage = { [K in NewsKind]: { readonly kind: K; readonly message: MessageOf<K> } }[NewsKind];

/** Turns messages of the bus into alerts; remembers only what tells a repetition from news. */
export class News {
  private readonly accounts = new AccountNews();

  take(news: NewsMessage): readonly Alert[] {
    switch (news.kind) {
      case 'supervisionEvent':
        return present(supervisionAlert(news.message));
      case 'memberChanged':
        return [memberAlert(news.message)];
      case 'arbitrageClosed':
        return [arbitrageAlert(news.message)];
      case 'haltChanged':
        return [haltAlert(news.message)];
      case 'breakerChanged':
        return [breakerAlert(news.message)];
      case 'limitsChanged':
        return [limitsAlert(news.message)];
      case 'gatewayStatus':
        return this.accounts.take(news.message);
      case 'externalFlow':
        return [flowAlert(news.message)];
      case 'instrumentStateChanged':
        return [marketAlert(news.message)];
      case 'walletStateChanged':
        return [walletAlert(news.message)];
      case 'dayClosed':
        return [dayAlert(news.message)];
    }
  }
}

const present = (alert: Alert | null): readonly Alert[] => (alert === null ? [] : [alert]);

import { ArbotError, errorText } from '../messages/errors.js';
import type { TickSpool } from '../ports/tick-spool.js';
import type { TickStore } from '../ports/tick-store.js';
import type { DeliveryEffect, DeliveryResult } from './delivery.js';

/** Does what a delivery asked for. Never rejects: how it failed is the result. */
export async function carryOut(
  effect: DeliveryEffect,
  { store, spool }: { readonly store: TickStore; readonly spool: TickSpool },
): Promise<DeliveryResult> {
  const { token } = effect;
  try {
    switch (effect.kind) {
      case 'insert':
        await store.insert(effect.batch);
        return { kind: 'inserted', token };
      case 'append':
        return { kind: 'appended', token, outcome: await spool.append(effect.batch) };
      case 'read': {
        const found = await spool.oldest();
        const { damaged } = spool.status();
        return {
          kind: 'read',
          token,
          batch: found?.batch ?? null,
          isCarried: found?.isCarried === true,
          damaged,
        };
      }
      case 'forget':
        await spool.forget(effect.batchId);
        return { kind: 'forgotten', token };
    }
  } catch (error) {
    return failure(effect, error);
  }
}

function failure({ kind, token }: DeliveryEffect, error: unknown): DeliveryResult {
  const reason = errorText(error);
  switch (kind) {
    case 'insert': {
      const isRefused = error instanceof ArbotError && error.code === 'ARB_STORE_CONFLICT';
      return { kind: isRefused ? 'refused' : 'unanswered', token, reason };
    }
    case 'append':
      return { kind: 'notAppended', token, reason };
    case 'read':
      return { kind: 'notRead', token, reason };
    case 'forget':
      // The spool knows it in memory; a file that cannot be removed comes again at the next start.
      return { kind: 'forgotten', token };
  }
}

import { flowsOf } from '../reserved-legs.js';
import type { SizeRule } from '../question.js';
import { assetCap } from './asset-exposure.js';

/**
 * Where KRW is earned and spent from inventory (`bridge: inventory`) it runs away from USDT until it is converted: so far, and no
 * further, with everything in flight at its worst (TRADING §3).
 */
export const bridgeExposureRule: SizeRule = {
  fits: ({ isPlain }) => isPlain,
  caps: (question) => {
    const { signal, limits, isPlain } = question;
    if (isPlain || signal.position !== undefined || signal.shape === 'cycle') return [];
    const limit = limits.maxBridgeExposure ?? '0';
    return flowsOf(question)
      .filter(({ asset }) => asset !== signal.quote && asset !== signal.base)
      .map((flow) => assetCap(question, flow, { rule: 'BRIDGE_EXPOSURE', limit }));
  },
};

import type { DefectCode } from '../../exchange/bar-rules.ts';

/** Why content is rejected. The codes are stable, since the journal, reason files and `gaps` contain them. */
export type ReasonCode =
  | DefectCode
  | 'absent'
  | 'not_a_listing'
  | 'html'
  | 'size_mismatch'
  | 'md5_mismatch'
  | 'checksum_missing'
  | 'checksum_malformed'
  | 'checksum_mismatch'
  | 'not_a_zip'
  | 'zip_truncated'
  | 'zip_structure'
  | 'zip_members'
  | 'zip_member_name'
  | 'zip_method'
  | 'zip_bomb'
  | 'zip_corrupt'
  | 'crc_mismatch'
  | 'no_rows'
  | 'not_text'
  | 'line_too_long'
  | 'field_count'
  | 'header_order'
  | 'header_unknown'
  | 'open_time_not_a_number'
  | 'outside_period'
  | 'not_ascending';

export interface Reason {
  readonly code: ReasonCode;
  /** The finding, as text for users. */
  readonly text: string;
}

export const reason = (code: ReasonCode, text: string): Reason => ({ code, text });

/** Formats a reason as `code: text`, the form in which it is stored. */
export const formatReason = ({ code, text }: Reason): string => `${code}: ${text}`;

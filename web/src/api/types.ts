/** The API's types by name; generated, never written twice. */
import type { components } from './schema';

type Schemas = components['schemas'];

export type Advice = Schemas['Advice'];
export type Attribute = Schemas['Attribute'];
export type Breakdown = Schemas['Breakdown'];
export type Bucket = Schemas['Bucket'];
export type Detectors = Schemas['Detectors'];
export type Evidence = Schemas['Evidence'];
export type Facet = Schemas['Facet'];
export type Finding = Schemas['Finding'];
export type FindingDetail = Schemas['FindingDetail'];
export type Findings = Schemas['Findings'];
export type Fold = Schemas['Fold'];
export type Group = Schemas['Group'];
export type Kind = Schemas['GroupKind'];
export type KeyValue = Schemas['KeyValue'];
export type Level = Schemas['Level'];
export type Operation = Schemas['Operation'];
export type OperationDetail = Schemas['OperationDetail'];
export type Operations = Schemas['Operations'];
export type Percentiles = Schemas['Percentiles'];
export type Point = Schemas['Point'];
export type Problem = Schemas['Problem'];
export type Request = Schemas['Request'];
export type Requests = Schemas['Requests'];
export type Spark = Schemas['Spark'];
export type SpanDetail = Schemas['SpanDetail'];
export type Status = Schemas['Status'];
export type Targets = Schemas['TargetFigures'];
export type Trace = Schemas['Trace'];
export type TraceNode = Schemas['TraceNode'];
export type TraceStatement = Schemas['TraceStatement'];

package server

import (
	"fmt"

	"google.golang.org/protobuf/proto"
)

// vtCodec reads protobuf as the server does: with generated code that lets through strings that are no UTF-8. Connect's own codec
// would refuse the whole request instead of one profile.
type vtCodec struct{}

func (vtCodec) Name() string { return "proto" }

func (vtCodec) Marshal(message any) ([]byte, error) {
	if m, ok := message.(interface{ MarshalVT() ([]byte, error) }); ok {
		return m.MarshalVT()
	}
	m, ok := message.(proto.Message)
	if !ok {
		return nil, fmt.Errorf("%T is no protobuf message", message)
	}
	return proto.Marshal(m)
}

func (vtCodec) Unmarshal(data []byte, message any) error {
	if m, ok := message.(interface{ UnmarshalVT([]byte) error }); ok {
		return m.UnmarshalVT(data)
	}
	m, ok := message.(proto.Message)
	if !ok {
		return fmt.Errorf("%T is no protobuf message", message)
	}
	return proto.Unmarshal(data, m)
}
